"""The mail that all providers carry: headers, text and HTML, whatever the message holds."""

from __future__ import annotations

import email
import email.policy
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.email.composer import Composer
from buildnet_cli.channels.email.html import DARK, LIGHT
from buildnet_cli.channels.email.mail import Mail, Party, as_bytes, party
from buildnet_cli.delivery.model import OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message, Tone
from buildnet_cli.messages.render import render, updated
from tests.support.digests import DIGESTS
from tests.support.golden import assert_golden
from tests.support.mails import HOST, section
from tests.support.messages import SAMPLES, event, outgoing, rendered

ROOT = "<dlv_01hn3p4q5r6s7t8v9w0x1y2z30@example.com>"
TEXT = st.text(st.characters(), max_size=300) | st.sampled_from(
    ["a\r\nBcc: x@evil.example", "\n\n<b>", "=?utf-8?q?x?=", "\ud800"]
)


def sent(message: Message, **options: Any) -> OutgoingMessage:
    return replace(outgoing(message, "email:DevOps Team"), **options)


def mail(message: Message, *, events: tuple[str, ...] = ("*",), format: str = "html", **options: Any) -> Mail:
    who = {"email": "devops@example.com", "name": "DevOps Team", "events": list(events), "format": format}
    return Composer(section(recipients=[who]), HOST).mail(sent(message, **options))


def answer_to(first: Message, latest: Message, **options: Any) -> Mail:
    return mail(latest, incident="evt_1", thread=Thread(ROOT, updated(first, latest)), **options)


def parsed(mail: Mail) -> email.message.EmailMessage:
    return email.message_from_bytes(as_bytes(mail), policy=email.policy.default)


@pytest.mark.parametrize("name", [*SAMPLES, *DIGESTS])
def test_every_family_reads_as_agreed(name: str) -> None:
    written = mail(render((SAMPLES | DIGESTS)[name]))
    headers, _, _ = as_bytes(written).decode("ascii").replace("\r\n", "\n").partition("MIME-Version:")
    assert_golden(f"messages/email/{name}.txt", f"{headers}\n{written.text}")
    assert_golden(f"messages/email/{name}.html", written.html)


def test_what_follows_in_an_incident_reads_as_agreed() -> None:
    written = answer_to(render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"]))
    headers, _, _ = as_bytes(written).decode("ascii").replace("\r\n", "\n").partition("MIME-Version:")
    assert_golden("messages/email/answer.txt", f"{headers}\n{written.text}")


@pytest.mark.parametrize(
    ("sample", "subject"),
    [
        (SAMPLES["build.failed-first"], "[ci-01] api FAILED: TS2345 routes.ts:42"),
        (event("build.failed", "", "api", error={"headline": "no main"}), "[ci-01] api FAILED: no main"),
        (event("build.failed", "", "api", host="w3", error={"headline": "E12 x", "file": "a.rs"}), "[w3] api FAILED: E12 a.rs"),
        (event("resource.cpu.high", "", "ci-01", percent=97), "[ci-01] CPU HIGH 97%"),
        (SAMPLES["daemon.stopped"], "[ci-01] BuildNet STOPPED"),
        (event("custom.x", "", "[a]\r\nBcc: b@c", host="[x]"), "[x] custom.x · [a] Bcc: b@c"),
    ],
)  # fmt: skip
def test_the_machine_is_in_brackets_and_the_package_is_not(sample: Event, subject: str) -> None:
    assert mail(render(sample)).subject == subject


def test_all_mails_of_an_incident_carry_the_first_ones_subject_and_id() -> None:
    first = render(SAMPLES["build.failed-first"])
    for name in ("build.failed-still", "build.failed-new-error", "build.completed-fixed"):
        latest = render(SAMPLES[name])
        written = answer_to(first, latest)
        assert written.subject == f"Re: {mail(first).subject}"
        assert written.root_id == written.headers["In-Reply-To"] == written.headers["References"] == ROOT
        assert written.message_id != ROOT
        assert written.text.startswith(latest.title)
        assert f">{latest.title}: " in written.html, "the list of mails shows what is new, as the subject cannot"


def test_the_first_mail_is_its_own_root() -> None:
    written = mail(render(SAMPLES["build.failed-first"]), incident="evt_1")
    assert written.root_id == written.message_id == "<dlv_01hn3p4q5r6s7t8v9w0x1y2z3b@example.com>"
    assert "In-Reply-To" not in written.headers


def test_a_reference_that_is_no_message_id_is_not_sent() -> None:
    first = render(SAMPLES["build.failed-first"])
    written = mail(first, thread=Thread("<a@b>\r\nBcc: x@evil.example", first))
    assert "In-Reply-To" not in written.headers


def test_every_attempt_has_the_same_message_id() -> None:
    message = render(SAMPLES["build.failed-first"])
    assert mail(message, attempt=1).message_id == mail(message, attempt=7).message_id


def test_text_only_has_no_html_and_a_digest_has_both() -> None:
    message = render(SAMPLES["build.failed-first"])
    assert [part.get_content_type() for part in parsed(mail(message, format="text")).walk()] == ["text/plain"]
    for form in ("html", "digest"):
        types = [part.get_content_type() for part in parsed(mail(message, format=form)).walk()]
        assert types == ["multipart/alternative", "text/plain", "text/html"]


@pytest.mark.parametrize(
    ("message", "events", "reason"),
    [
        (rendered("build.failed", "", "api"), ("node.*", "build.*"), 'because DevOps Team is configured to hear "build.*".'),
        (
            rendered("build.completed", "", "api"),
            ("node.*",),
            "because DevOps Team was told of the problem that is over now.",
        ),
        (render(event("custom.test"), is_test=True), ("*",), "because somebody sent a test to DevOps Team."),
        (rendered("digest.batch"), ("*",), "because several messages for DevOps Team had to wait, and now come as one."),
        (rendered("build.failed"), ("node.*",), "because it was sent to DevOps Team."),
    ],
)
def test_the_footer_says_why(message: Message, events: tuple[str, ...], reason: str) -> None:
    written = mail(message, events=events)
    assert f"You get this {reason}" in written.text
    assert "You get this because" in written.html


def test_somebody_who_is_not_in_the_configuration_gets_no_mail() -> None:
    with pytest.raises(ChannelError, match='no recipient of mail is called "Nobody"') as caught:
        Composer(section(), HOST).mail(outgoing(rendered("custom.x"), "email:Nobody"))
    assert caught.value.outcome is Outcome.PERMANENT


@pytest.mark.parametrize(
    ("mailbox", "expected"),
    [
        ("a@example.com", Party("a@example.com")),
        ("BuildNet <a@example.com>", Party("a@example.com", "BuildNet")),
        ('"Build, Net" <a@example.com>', Party("a@example.com", "Build, Net")),
    ],
)
def test_a_mailbox_is_a_name_and_an_address(mailbox: str, expected: Party) -> None:
    assert party(mailbox) == expected
    assert expected.domain == "example.com"


def test_ids_stay_in_one_piece_however_long_the_domain_is() -> None:
    domain, message = ".".join(["a" * 60] * 3), rendered("custom.x")
    written = Composer(section(**{"from": f"b@{domain}"}), HOST).mail(sent(message, thread=Thread(ROOT, message)))
    lines = as_bytes(written).decode().split("\r\n")
    assert f"Message-ID: <dlv_01hn3p4q5r6s7t8v9w0x1y2z3b@{domain}>" in lines
    assert f"References: {ROOT}" in lines


@given(TEXT, TEXT, TEXT, TEXT)
def test_nothing_in_a_message_adds_a_header_or_breaks_the_mail(subject: str, text: str, host: str, tail: str) -> None:
    sample = event("build.failed", text, subject, host=host, package=text, error={"headline": text, "file": host, "tail": tail})
    written = answer_to(render(sample), render(sample))
    raw = as_bytes(written)
    assert raw.isascii()
    assert all(len(line) <= 998 and b"\n" not in line and b"\r" not in line for line in raw.split(b"\r\n"))
    read = email.message_from_bytes(raw, policy=email.policy.default)
    assert {name.lower() for name in read} == {
        *("from", "to", "subject", "date", "message-id", "in-reply-to", "references", "auto-submitted", "list-id"),
        *(
            "x-auto-response-suppress",
            "x-buildnet-event",
            "x-buildnet-incident",
            "x-buildnet-host",
            "mime-version",
            "content-type",
        ),
    }
    assert not read.defects
    assert read["To"].addresses[0].addr_spec == "devops@example.com"
    assert len(read["To"].addresses) == 1
    assert not set(written.text + written.html) & set("\x00\x07\x08\x1b\x7f\u202e\u2028\ud800")


def test_what_is_written_can_be_read_again() -> None:
    read = parsed(mail(rendered("custom.x", "déjà vu\n<script>alert(1)</script>", "ünï 日本", note="a & b")))
    assert read["Subject"] == "[ci-01] custom.x · ünï 日本"
    text, html = (part.get_content() for part in read.iter_parts())
    assert "déjà vu" in text
    assert "<script>alert(1)</script>" in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html
    assert "<script" not in html


@pytest.mark.parametrize("char", ["x", "&", '"', "😀", "\u00a0"])
def test_the_html_stays_below_100_kb(char: str) -> None:
    long = (char * 70 + "\n") * 3_000
    fields = {f"{char}{number}": long for number in range(40)}
    failure = event("build.failed", long, long, error={"headline": long, "tail": long})
    for sample in (event("custom.x", long, long, **fields), failure):
        written = mail(render(sample))
        assert len(written.html.encode()) <= 100_000
        assert "\u00a0" not in written.text


def _luminance(colour: str) -> float:
    parts = (int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5))
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("palette", [LIGHT, DARK])
@pytest.mark.parametrize("ink", ["text", "soft", *Tone])
def test_every_colour_of_text_can_be_read(palette: dict[str, str], ink: str) -> None:
    for paper in ("page", "box"):
        lighter, darker = sorted((_luminance(palette[ink]), _luminance(palette[paper])), reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5  # WCAG 2.2, 1.4.3
