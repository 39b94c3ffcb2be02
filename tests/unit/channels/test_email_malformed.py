"""Mails of any kind: a touched one asks nothing else than it did, a broken one is refused, and nothing else ever happens."""

from __future__ import annotations

import contextlib

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.email.inbound import Admitted, Ignored, MailRules
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import UsageError
from tests.support.signed_mails import ADMIN, OUR_ID, Dns, letter, read, signed

GOOD = Dns()
SIGNED_MAIL = signed(letter(body="hello\r\n", headers={"In-Reply-To": OUR_ID}), GOOD)
HEADER_END = SIGNED_MAIL.index(b"\r\n\r\n")


@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, len(SIGNED_MAIL) - 1), st.binary(max_size=6), st.integers(0, 40))
@example(HEADER_END, b"\r", 0)
def test_no_change_to_a_signed_mail_makes_another_command_of_it(at: int, put: bytes, cut: int) -> None:
    try:
        found = read(SIGNED_MAIL[:at] + put + SIGNED_MAIL[at + cut :], GOOD)
    except (ForgedError, UsageError):
        return
    if isinstance(found, Admitted):
        assert (found.inbound.text, found.inbound.identifier) == ("hello", ADMIN)
        assert found.inbound.message_id == f"{ADMIN} <1@example.com>"


FRAGMENTS = st.sampled_from(
    [
        b"\r\n",
        b"\n",
        b"From: ",
        b"Subject: ",
        b"admin@example.com",
        b"=?utf-8?b?",
        b"?=",
        b"Content-Type: multipart/mixed; boundary=a",
        b"--a",
        b"--a--",
        b"Date: ",
        b"Message-ID: <",
        b">",
        b'"',
        b"In-Reply-To: ",
        OUR_ID.encode(),
        b"charset=",
        b"message/rfc822",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=",
        b"; s=x; h=from:subject:to:date:message-id; bh=AA==; b=AA==",
        b"quoted-printable",
    ]
)


@settings(max_examples=1000, deadline=None)
@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=8)), max_size=40).map(b"".join))
def test_bytes_of_any_kind_are_refused_or_ignored_and_nothing_else(raw: bytes) -> None:
    with contextlib.suppress(ForgedError, UsageError):
        assert isinstance(read(raw, GOOD), Ignored)


@settings(max_examples=500, deadline=None)
@given(
    st.lists(st.one_of(FRAGMENTS, st.binary(max_size=8)), max_size=40).map(b"".join), st.sampled_from(["base64", "8bit", "x-uu"])
)
@example(b"--a\n\n--a\nContent-Type: text/plain; charset=undefined\n\nx\n--a--", "8bit")
def test_a_body_of_any_kind_is_read_or_refused(body: bytes, encoding: str) -> None:
    kind = "multipart/mixed; boundary=a" if b"--a" in body else "text/plain; charset=utf-8"
    head = letter(headers={"In-Reply-To": OUR_ID, "Content-Type": kind, "Content-Transfer-Encoding": encoding})
    try:
        found = read(head + body, GOOD, MailRules(require_signed=False))
    except ForgedError:
        return
    assert isinstance(found, Ignored) or "\n" not in found.inbound.text
