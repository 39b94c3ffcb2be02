"""Mail that is posted proves itself, whatever the request says of it."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.email.inbound import Admitted, Ignored, MailRules
from buildnet_cli.channels.email.sendgrid_parse import read_posted
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import UsageError
from tests.support.signed_mails import NOW, RULES, Dns, letter, signed

BOUNDARY = "xYzZY"
FORM = f"multipart/form-data; boundary={BOUNDARY}"


def form(**fields: bytes) -> bytes:
    """A request as SendGrid writes it, the mail among what it found out about it."""
    parts = [
        b'--xYzZY\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (name.encode(), value)
        for name, value in fields.items()
    ]
    return b"".join((*parts, b"--xYzZY--\r\n"))


def post(body: bytes, dns: Dns, rules: MailRules = RULES, content_type: str = FORM) -> Admitted | Ignored:
    return read_posted(content_type, body, rules, NOW, look_up=dns, is_ours=lambda message_id: False)


def test_a_signed_mail_is_taken_byte_by_byte() -> None:
    dns = Dns()
    raw = signed(letter(body="caf\u00e9\r\n\r\n--\r\n \r\n"), dns)
    found = post(form(SPF=b"fail", dkim=b"none", email=raw, sender_ip=b"192.0.2.1"), dns)
    assert isinstance(found, Admitted)
    assert found.inbound.text == "STATUS"


def test_what_the_request_says_of_the_mail_is_not_believed() -> None:
    with pytest.raises(ForgedError):
        post(form(email=letter(), dkim=b"{@example.com : pass}", SPF=b"pass"), Dns())


def test_a_signature_is_needed_even_where_mailboxes_need_none() -> None:
    with pytest.raises(ForgedError):
        post(form(email=letter()), Dns(), MailRules(require_signed=False))


def test_no_mail_server_speaks_through_a_request() -> None:
    dns = Dns()
    found = post(form(email=b"Authentication-Results: mx.buildhost.test; spf=pass\r\n" + signed(letter(), dns)), dns)
    assert isinstance(found, Admitted)
    assert found.results == {}


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (FORM, form(text=b"STOP", headers=b"From: admin@example.com")),
        (FORM, form(email=b"x").replace(b"xYzZY", b"other")),
        (FORM, form(email=b"x") + form(email=b"y")[: len(form(email=b"y"))].replace(b"--xYzZY--", b"")),
        ("application/x-www-form-urlencoded", b"email=x"),
        ("multipart/form-data", form(email=b"x")),
        ("multipart/form-data; boundary=\xe9", form(email=b"x")),
        ("", b""),
    ],
)
def test_a_request_without_a_raw_mail_is_told_what_to_turn_on(content_type: str, body: bytes) -> None:
    with pytest.raises((UsageError, ForgedError)):
        post(body, Dns(), content_type=content_type)


def test_two_mails_in_one_request_are_none() -> None:
    dns = Dns()
    twice = form(email=signed(letter(), dns)).replace(b"--xYzZY--\r\n", b"") + form(email=letter())
    with pytest.raises(UsageError, match="one field email"):
        post(twice, dns)


def test_a_request_that_is_too_large_is_not_read() -> None:
    with pytest.raises(UsageError, match="at most"):
        post(form(email=b"x" * (1 << 21)), Dns())


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=30), st.binary(max_size=200), st.binary(max_size=60))
def test_any_request_is_refused_or_ignored(content_type: str, body: bytes, mail: bytes) -> None:
    for kind, sent in ((content_type, body), (FORM, body), (FORM, form(email=mail))):
        with contextlib.suppress(UsageError, ForgedError):
            assert isinstance(post(sent, Dns(), content_type=kind), Ignored)
