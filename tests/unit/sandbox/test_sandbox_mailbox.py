"""Mails as a person sees them in the inbox."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from buildnet_cli.sandbox.inbox import Inbox
from buildnet_cli.sandbox.mailbox import in_answer_to, open_mail, reading_of, text_of
from tests.support.messages import NOON


def test_a_mail_is_read_as_title_sentence_and_rest() -> None:
    text = "api FAILED\nTS2345 (a.ts:1)\n\nTry:  b\n\n  log\n\n-- \nbuild.failed\nwhy\n"
    reading = reading_of("[ci-01] api", text.replace("\n", "\r\n"))
    assert (reading.title, reading.line) == ("api FAILED", "TS2345 (a.ts:1)")
    assert reading.code == "Try:  b\n\n  log"
    assert reading.note == "Subject: [ci-01] api · build.failed · why"


@pytest.mark.parametrize("text", ["", "\n\n"])
def test_a_mail_without_text_shows_its_subject(text: str) -> None:
    assert reading_of("Hello", text).title == "Hello"


@pytest.mark.parametrize("raw", [b"", b"\xff\xfe", b"Subject: =?x?y?z?=\r\n\r\nhi", b"Content-Type: multipart/mixed\r\n\r\n"])
def test_whatever_arrives_can_be_opened(raw: bytes) -> None:
    assert isinstance(text_of(open_mail(raw)), str)


def test_the_text_is_taken_out_of_a_mail_with_html() -> None:
    mail = EmailMessage()
    mail.set_content("plain")
    mail.add_alternative("<p>html</p>", subtype="html")
    assert text_of(open_mail(mail.as_bytes())) == "plain\n"


def test_an_answer_is_found_by_the_id_of_what_it_answers() -> None:
    inbox = Inbox()
    inbox.keep("a@b", "MAIL", {"message-id": "<1@b>"}, "", NOON, answered=200, provider="smtp")
    inbox.keep("a@b", "POST", {}, {"headers": {"Message-ID": "<2@b>"}}, NOON, answered=202, provider="sendgrid")
    assert [in_answer_to(inbox, given) for given in ("<1@b>", "<2@b>", "<3@b>", "")] == [1, 2, 0, 0]
