"""Mails that others signed: the one of RFC 8463, and one by Perl's Mail::DKIM."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from buildnet_cli.channels.email import headers
from buildnet_cli.channels.email.dkim_gate import proof_of
from buildnet_cli.channels.email.inbound import Admitted, read_mail
from tests.support.signed_mails import RULES

MAILS = Path(__file__).parents[2] / "data" / "mails"
FOOTBALL = {
    "brisbane": b"v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "test": b"v=DKIM1; k=rsa; p="
    b"MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/b"
    b"yYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
}


def test_a_mail_that_another_program_signed_is_taken() -> None:
    record = (MAILS / "perl_mail_dkim.txt").read_bytes().strip()
    found = read_mail(
        (MAILS / "perl_mail_dkim.eml").read_bytes(),
        RULES,
        datetime(2026, 11, 23, 12, tzinfo=UTC),
        look_up=lambda name: record if name == "buildhost._domainkey.example.com" else None,
        is_ours=lambda message_id: False,
    )
    assert isinstance(found, Admitted)
    assert found.inbound.text == "BUILD api"
    assert found.signature is not None
    assert found.signature.bits == 2048


@pytest.mark.parametrize(("selector", "algorithm"), [("brisbane", "ed25519-sha256"), ("test", "rsa-sha256")])
def test_the_mail_of_rfc_8463_is_proved_by_either_signature(selector: str, algorithm: str) -> None:
    mail = headers.read((MAILS / "rfc8463.eml").read_bytes(), 1 << 20)
    proof = proof_of(
        mail,
        "football.example.com",
        datetime(2018, 6, 10, 14, tzinfo=UTC),
        lambda name: FOOTBALL[selector] if name == f"{selector}._domainkey.football.example.com" else None,
    )
    assert (proof.selector, proof.algorithm) == (selector, algorithm)
