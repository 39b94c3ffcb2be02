"""What a proved mail asks of us: the subject behind the prefix, or the first line of a reply to one of ours."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.channels.email.inbound import Admitted, Ignored, MailRules, rules_of
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.remote_control import RemoteControl
from buildnet_cli.delivery.model import Address
from tests.support.signed_mails import ADMIN, OUR_ID, OWN, Dns, letter, read, signed


def command(subject: str = "[BUILDNET] STATUS", body: str = "", *, reply: bool = False, **more: str) -> str:
    """What a signed mail asks for; empty if it asks for nothing."""
    dns = Dns()
    fields = {name.replace("_", "-"): value for name, value in more.items()} | ({"In-Reply-To": OUR_ID} if reply else {})
    found = read(signed(letter(subject=subject, body=body, headers=fields), dns), dns)
    return found.inbound.text if isinstance(found, Admitted) else ""


def ignored(**more: str) -> str:
    """Why a signed mail with a command is ignored."""
    dns = Dns()
    found = read(signed(letter(headers={name.replace("_", "-"): value for name, value in more.items()}), dns), dns)
    assert isinstance(found, Ignored)
    return found.reason


def test_a_signed_mail_becomes_a_message_from_its_author_answered_in_its_thread() -> None:
    dns = Dns()
    found = read(
        signed(letter("Ada Lovelace <Admin@Example.com>", "[buildnet] BUILD api", headers={"Reply-To": "e@x.test"}), dns), dns
    )
    assert isinstance(found, Admitted)
    assert found.inbound == Inbound(
        channel="email",
        identifier=ADMIN,
        text="BUILD api",
        message_id=f"{ADMIN} <1@example.com>",
        reply_to=Address("email", ADMIN, thread="<1@example.com>"),
    )


@pytest.mark.parametrize(
    ("subject", "text"),
    [
        ("[BUILDNET] STATUS", "STATUS"),
        ("[BuildNet]STATUS", "STATUS"),
        ("Re: [BUILDNET] STATUS", "STATUS"),
        ("AW: Fwd: RE[2]: [BUILDNET] STATUS", "STATUS"),
        ("=?utf-8?q?=5BBUILDNET=5D_BUILD_caf=C3=A9?=", "BUILD caf\u00e9"),
        ("=?utf-8?b?W0JVSUxETkVUXQ==?=\r\n\t=?utf-8?b?IEJVSUxEIGFwaQ==?=", "BUILD api"),
        ("[BUILDNET]\r\n\tBUILD\r\n api", "BUILD api"),
        ("[BUILDNET] 483 920", "483 920"),
        ("STATUS", ""),
        ("[BUILDNET]", ""),
        ("[BUILDNET] [BUILDNET] STOP", ""),
        ("Re: [BUILDNET] Re: [BUILDNET] STOP", "Re: [BUILDNET] STOP"),
        ("About [BUILDNET] STOP", ""),
        ("Out of office: [BUILDNET] STATUS", ""),
    ],
)
def test_the_command_follows_the_prefix(subject: str, text: str) -> None:
    assert command(subject, "STOP\r\n") == text


@pytest.mark.parametrize(
    "subject",
    [
        "=?utf-8?q?=5BBUILDNET=5D_STATUS=0D=0ABcc:_evil=40x.test?=",
        "=?utf-8?b?W0JVSUxETkVUXSDigK5QT1RT?=",
        "[BUILDNET] =?x-evil?q?STOP?=",
        "[BUILDNET] =?zlib_codec?b?eJw=?=",
        "[BUILDNET] =?utf-8?b?/w==?=",
        "[BUILDNET] =?utf-8?b?a?=",
        "[BUILDNET] " + "=?utf-8?q?a?=\r\n " * 1000 + "x",
    ],
)
def test_a_subject_that_hides_something_is_refused(subject: str) -> None:
    with pytest.raises(ForgedError):
        command(subject)


REPLY = "Re: [ci-01] api FAILED: TS2345 routes.ts:42"


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("STATUS\r\n", "STATUS"),
        ("\r\n\r\n  BUILD api  \r\n", "BUILD api"),
        ("STATUS\r\n\r\n> On Monday BuildNet wrote:\r\n> STOP\r\n", "STATUS"),
        ("> STOP\r\n>> STOP\r\n\r\nSTATUS\r\n", "STATUS"),
        ("On Monday BuildNet wrote:\r\n> STOP\r\n\r\nSTATUS\r\n", "STATUS"),
        ("STATUS\r\n-- \r\nSTOP\r\n", "STATUS"),
        ("-- \r\nSTOP\r\n", ""),
        ("> STOP\r\n", ""),
        ("", ""),
    ],
)
def test_in_a_reply_to_us_the_first_line_written_is_the_command(body: str, text: str) -> None:
    assert command(REPLY, body, reply=True) == text


def test_the_subject_of_a_reply_is_what_was_asked_before_and_not_asked_again() -> None:
    assert command("Re: [BUILDNET] STOP", "STATUS\r\n", reply=True) == "STATUS"
    assert command("Re: [BUILDNET] STOP", "> STOP\r\n", reply=True) == ""


def test_a_reply_to_somebody_else_is_no_command() -> None:
    assert command("Re: lunch", "STOP\r\n", In_Reply_To="<2@example.com>") == ""


def part(kind: str, text: str, more: str = "") -> str:
    return f"--x\r\nContent-Type: {kind}\r\n{more}\r\n{text}\r\n"


INNER = "Content-Type: text/plain\r\n\r\nSTOP"


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        (part("text/plain", "STATUS") + part("text/html", "<p>STOP</p>"), "STATUS"),
        (part("text/html", "<p>STOP</p>") + part("text/plain", "STATUS"), "STATUS"),
        (part("text/html", "<p>STOP</p>"), ""),
        (part("message/rfc822", INNER), ""),
        (part("message/rfc822", INNER) + part("text/plain", "STATUS"), "STATUS"),
        (part("text/plain", "STOP", "Content-Disposition: attachment\r\n"), ""),
        (part("text/plain", "STOP", 'Content-Disposition: inline; filename="a.txt"\r\n'), ""),
        (part("text/plain; name=a.txt", "STOP"), ""),
        (part("text/plain", "U1RBVFVT", "Content-Transfer-Encoding: base64\r\n"), "STATUS"),
        (
            part("text/plain; charset=utf-8", "BUILD caf=C3=A9", "Content-Transfer-Encoding: quoted-printable\r\n"),
            "BUILD caf\u00e9",
        ),
        (part("application/pgp-encrypted", "STOP"), ""),
    ],
)
def test_only_plain_text_is_read(parts: str, text: str) -> None:
    assert command(REPLY, f"{parts}--x--\r\n", reply=True, Content_Type="multipart/mixed; boundary=x") == text


def nested(depth: int, boundary: str = "x") -> str:
    """A mail in a mail, as deep as that, with the command at the bottom."""
    if depth == 0:
        return f"--{boundary}\r\n\r\nSTATUS\r\n--{boundary}--\r\n"
    inner = f"{boundary}{depth}"
    return (
        f"--{boundary}\r\nContent-Type: multipart/mixed; boundary={inner}\r\n\r\n{nested(depth - 1, inner)}\r\n--{boundary}--\r\n"
    )


def test_a_body_is_read_down_to_a_depth_that_people_use() -> None:
    assert command(REPLY, nested(5), reply=True, Content_Type="multipart/mixed; boundary=x") == "STATUS"
    with pytest.raises(ForgedError, match="too deeply"):
        command(REPLY, nested(21), reply=True, Content_Type="multipart/mixed; boundary=x")


def test_a_mail_in_html_alone_holds_no_command() -> None:
    assert command(REPLY, "STOP\r\n", reply=True, Content_Type="text/html") == ""


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("text/plain; charset=x-evil", "STATUS"),
        ("text/plain; charset=zlib_codec", "STATUS"),
        ("text/plain; charset=undefined", "STATUS"),
        ("text/plain; charset=utf-16", "STATUS!"),
        ("multipart/mixed", "STATUS"),
        ("multipart/mixed; boundary=x", "no boundary"),
        ("multipart/mixed; boundary=x", part("text/plain", "STATUS")),
        ("multipart/mixed; boundary=x", "--x\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n" * 500),
        ("message/rfc822", "Content-Type: message/rfc822\r\n\r\n" * 5000),
    ],
)
def test_a_body_that_is_broken_is_refused(kind: str, body: str) -> None:
    with pytest.raises(ForgedError):
        command(REPLY, body, reply=True, Content_Type=kind)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Auto-Submitted", "auto-replied"),
        ("Auto-Submitted", "auto-generated (rejected)"),
        ("List-Id", "<dev.example.com>"),
        ("List-Unsubscribe", "<https://x.test/>"),
        ("Precedence", "bulk"),
        ("Precedence", "Auto_Reply"),
        ("Return-Path", "<>"),
        ("Content-Type", "multipart/report; report-type=delivery-status; boundary=x"),
        ("From", OWN),
        ("From", "BuildNet <BuildNet@Example.com>"),
    ],
)
def test_what_a_machine_wrote_is_ignored(name: str, value: str) -> None:
    assert ignored(**{name.replace("-", "_"): value})


def test_a_person_whose_client_says_so_is_none() -> None:
    assert command(Auto_Submitted="no", Precedence="first-class", Return_Path="<admin@example.com>") == "STATUS"


@pytest.mark.parametrize("missing", ["From", "Subject", "Date", "Message-ID", "Content-Type"])
def test_each_field_that_is_read_must_be_there(missing: str) -> None:
    raw = b"".join(line for line in letter().splitlines(keepends=True) if not line.startswith(f"{missing}:".encode()))
    with pytest.raises(ForgedError, match=f"no field {missing.lower()}"):
        read(raw, Dns(), MailRules(require_signed=False))


@pytest.mark.parametrize("name", ["To", "In-Reply-To", "References", "Reply-To", "MIME-Version", "Content-Transfer-Encoding"])
def test_each_field_that_may_be_there_is_there_once(name: str) -> None:
    raw = f"{name}: a\r\n{name}: b\r\n".encode() + letter()
    with pytest.raises(ForgedError, match=f"fields {name.lower()}"):
        read(raw, Dns(), MailRules(require_signed=False))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Message-ID", "<1@a> <2@a>"),
        ("Message-ID", "1@a"),
        ("Message-ID", f"<{'x' * 300}@a>"),
        ("Date", "yesterday"),
        ("Date", "Mon, 99 Nov 2026 09:00:00 +0000"),
        ("Date", "1"),
    ],
)
def test_a_field_that_says_nothing_is_refused(name: str, value: str) -> None:
    with pytest.raises(ForgedError):
        read(letter(headers={name: value}), Dns(), MailRules(require_signed=False))


def test_without_the_demand_for_signatures_dkim_alone_is_waived() -> None:
    found = read(letter(), Dns(is_down=True), MailRules(require_signed=False))
    assert isinstance(found, Admitted)
    assert (found.inbound.text, found.signature) == ("STATUS", None)


RESULTS = "mx.buildhost.test; spf=pass smtp.mailfrom=example.com; dmarc=pass (p=none; dis=none) header.from=example.com"


def test_what_our_own_server_found_is_recorded_and_decides_nothing() -> None:
    dns = Dns()
    failed = "mx.buildhost.test; spf=fail; dmarc=fail"
    found = read(b"Authentication-Results: %s\r\n" % failed.encode() + signed(letter(), dns), dns)
    assert isinstance(found, Admitted)
    assert found.results == {"spf": "fail", "dmarc": "fail"}
    with pytest.raises(ForgedError):
        read(letter(headers={"Authentication-Results": f"{RESULTS}; dkim=pass header.d=example.com"}), dns)


def test_rules_come_from_both_sections() -> None:
    section: dict[str, Any] = {"command_prefix": "[CI]", "authserv_id": "mx", "max_bytes": 2048}
    assert rules_of(RemoteControl.model_validate({"enabled": True, "email": section}), frozenset({OWN})) == MailRules(
        own_addresses=frozenset({OWN}), prefix="[CI]", require_signed=True, authserv_id="mx", max_bytes=2048
    )
    waived = RemoteControl.model_validate({"authentication": {"email": {"require_signed": False}}})
    assert not rules_of(waived, frozenset()).require_signed


def test_line_ends_of_either_kind_are_the_same_mail() -> None:
    dns = Dns()
    raw = signed(letter(body="hello\r\n"), dns)
    assert read(raw.replace(b"\r\n", b"\n"), dns) == read(raw, dns)
