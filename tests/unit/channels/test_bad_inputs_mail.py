"""The mails of tests/data/bad_inputs.yaml: what each would have us run for the one who may, who is admin@example.com."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import Any

import pytest

from buildnet_cli.channels.email.dkim_gate import DnsFaultError
from buildnet_cli.channels.email.inbound import Admitted
from buildnet_cli.commands.inbound import ForgedError
from tests.support.bad_inputs import Case, cases
from tests.support.signed_mails import ADMIN, NOW, OUR_ID, SIGNED, TINY_KEY, Dns, letter, read, rsa_key, signed

CASES = cases(surface="email")


def mail_of(given: dict[str, Any], dns: Dns) -> bytes:
    """The mail that a case describes. A subject that answers, with a body, is a reply to a mail of ours."""
    if "raw" in given:
        return str(given["raw"]).encode()
    headers = dict(given.get("headers", {}))
    if "body" in given:
        headers["In-Reply-To"] = OUR_ID
    date = NOW + timedelta(days=int(str(given.get("date", "0 days")).removesuffix(" days")))
    raw = letter(given["from"], given["subject"], given.get("body", ""), headers, date=date)
    if given["dkim"] is not None:
        raw = _signed(raw, dns, **given["dkim"])
    if "change_subject" in given:
        raw = raw.replace(f"Subject: {given['subject']}".encode(), f"Subject: {given['change_subject']}".encode())
    if "prepend_header" in given:
        raw = f"{given['prepend_header']}\r\n".encode() + raw
    return raw


def _signed(
    raw: bytes,
    dns: Dns,
    *,
    d: str = "example.com",
    h: list[str] | None = None,
    key: str = "",
    key_bits: int = 1024,
    alg: str = "rsa-sha256",
    x: str = "",
    count: int = 1,
    dns_fault: str = "",
) -> bytes:
    fields = tuple(name.encode() for name in h) if h else SIGNED
    once = signed(
        raw,
        dns,
        domain=d,
        fields=fields,
        key=rsa_key() if key_bits >= 1024 else TINY_KEY,
        publish=lambda record: record + (f"; {key}".encode() if key else b""),
        tags=b"t=1;x=%d" % (NOW.timestamp() - 60) if x == "past" else b"",
        algorithm=alg.encode(),
    )
    dns.is_down = dns_fault == "timeout"
    return once[: len(once) - len(raw)] * count + raw


def executed(case: Case) -> list[str]:
    """What would be run, each mail as often as it comes and each id once."""
    given = dict(case.input)
    if isinstance(given.get("dkim"), dict) and "dns" in given["dkim"]:
        given["dkim"] = {**given["dkim"], "dns_fault": given["dkim"]["dns"]}
        del given["dkim"]["dns"]
    dns = Dns()
    raw = mail_of(given, dns)
    seen: dict[str, str] = {}
    for _ in range(int(given.get("replay", 1))):
        found = read(raw, dns)
        if isinstance(found, Admitted) and found.inbound.identifier == ADMIN:
            assert found.inbound.reply_to.to == case.expect.get("reply_to", ADMIN)
            seen.setdefault(found.inbound.message_id, found.inbound.text)
    return list(seen.values())


@pytest.mark.parametrize("case", [case for case in CASES if "accept" in case.outcomes], ids=lambda case: case.id)
def test_a_mail_that_may_ask_is_run_once(case: Case) -> None:
    ran = executed(case)
    expected = case.expect.get("executed", 1)
    assert ran == expected if isinstance(expected, list) else len(ran) == expected


@pytest.mark.parametrize("case", [case for case in CASES if case.outcomes == ["defer"]], ids=lambda case: case.id)
def test_a_mail_whose_key_cannot_be_had_is_for_later(case: Case) -> None:
    with pytest.raises(DnsFaultError):
        executed(case)


@pytest.mark.parametrize("case", [case for case in CASES if {"ignore", "reject"} & {*case.outcomes}], ids=lambda case: case.id)
def test_no_other_mail_runs_anything(case: Case) -> None:
    assert case.expect["executed"] == 0
    with contextlib.suppress(ForgedError):
        assert executed(case) == []


def test_every_case_is_driven() -> None:
    assert len(CASES) == 34
    assert all({*case.outcomes} <= {"accept", "ignore", "reject", "defer"} for case in CASES)
