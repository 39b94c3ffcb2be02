"""What each answer of a mail provider means, row by row."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from buildnet_cli.channels.email import sendgrid_refusal, ses_refusal
from buildnet_cli.channels.email.smtp_refusal import refusal
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer

NOW = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)
SOON = str(int(NOW.timestamp()) + 42)


def answer(status: int, text: str = "", headers: Mapping[str, str] | None = None) -> Answer:
    return Answer(status, headers or {}, text, "api.example.com", NOW)


@pytest.mark.parametrize(
    ("code", "text", "outcome"),
    [
        (421, "4.7.0 Try again later, closing connection", Outcome.RETRY),
        (450, "4.2.1 The mailbox is busy", Outcome.RETRY),
        (451, "4.7.1 Greylisted", Outcome.RETRY),
        (452, "4.2.2 The mailbox is full", Outcome.RETRY),
        (454, "4.7.0 Temporary authentication failure", Outcome.RETRY),
        (454, "Throttling failure: Maximum sending rate exceeded.", Outcome.RETRY),
        (455, "Parameters cannot be taken now", Outcome.RETRY),
        (432, "4.7.12 A password transition is needed", Outcome.RETRY),
        (530, "5.7.0 Authentication required", Outcome.PERMANENT),
        (530, "5.7.0 Must issue a STARTTLS command first", Outcome.PERMANENT),
        (534, "5.7.9 Application-specific password required", Outcome.HOLD),
        (535, "5.7.8 Username and Password not accepted", Outcome.HOLD),
        (535, "Authentication Credentials Invalid", Outcome.HOLD),
        (535, "5.7.139 Authentication unsuccessful, basic authentication is disabled", Outcome.HOLD),
        (535, "4.7.0 Authentication server is down", Outcome.RETRY),
        (538, "5.7.11 Encryption required", Outcome.HOLD),
        (550, "5.1.1 The email account that you tried to reach does not exist", Outcome.PERMANENT),
        (550, "5.4.5 Daily user sending quota exceeded", Outcome.RETRY),
        (550, "4.7.1 Greylisted, says a server that cannot count", Outcome.RETRY),
        (551, "5.1.6 User not local", Outcome.PERMANENT),
        (552, "5.3.4 Message too big", Outcome.PERMANENT),
        (553, "5.1.3 Not a valid address", Outcome.PERMANENT),
        (554, "5.7.1 Message rejected under policy", Outcome.PERMANENT),
        (554, "Message rejected: Email address is not verified.", Outcome.PERMANENT),
        (451, "5.7.1 The sender is on our list", Outcome.PERMANENT),
        (500, "unrecognised command", Outcome.PERMANENT),
    ],
)
def test_a_mail_servers_reply_says_what_becomes_of_the_mail(code: int, text: str, outcome: Outcome) -> None:
    error = refusal(code, text, "mail.example.com")
    assert (error.outcome, error.status) == (outcome, code)
    assert error.message == f"mail.example.com answered {code}: {text}"
    if outcome is not Outcome.RETRY and code not in (451, 500):
        assert error.hint


@pytest.mark.parametrize(
    ("code", "text", "hint"),
    [
        (535, "5.7.139 basic authentication is disabled", "Microsoft 365"),
        (534, "5.7.9 Application-specific password required", "app password"),
        (535, "5.7.8 no", "smtp.password"),
        (550, "5.1.1 no such user", "correct the recipient's address"),
        (530, "5.7.0 Authentication required", "smtp.username"),
    ],
)
def test_a_refusal_that_a_person_can_mend_says_how(code: int, text: str, hint: str) -> None:
    assert hint in refusal(code, text, "mail.example.com").hint


def test_a_quota_for_the_day_is_not_asked_for_every_minute() -> None:
    assert refusal(550, "5.4.5 Daily user sending quota exceeded", "smtp.gmail.com").retry_after_secs == 3600


def test_a_reply_of_many_lines_is_quoted_in_one() -> None:
    assert refusal(550, "5.1.1 no such\n5.1.1 user\x1b[2J", "h").message == "h answered 550: 5.1.1 no such 5.1.1 user [2J"


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (400, Outcome.PERMANENT),
        (401, Outcome.HOLD),
        (403, Outcome.HOLD),
        (404, Outcome.PERMANENT),
        (413, Outcome.PERMANENT),
        (429, Outcome.RETRY),
        (500, Outcome.RETRY),
        (503, Outcome.RETRY),
    ],
)
def test_sendgrids_status_says_what_becomes_of_the_mail(status: int, outcome: Outcome) -> None:
    told = json.dumps({"errors": [{"message": "Does not contain a valid address.", "field": "from.email", "help": None}]})
    with pytest.raises(ChannelError) as caught:
        sendgrid_refusal.message_id(answer(status, told))
    assert (caught.value.outcome, caught.value.status) == (outcome, status)
    assert caught.value.message == f"api.example.com answered {status}: Does not contain a valid address. (from.email)"


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"x-ratelimit-reset": SOON}, 42),
        ({"x-ratelimit-reset": SOON, "retry-after": "7"}, 7),
        ({"x-ratelimit-reset": "0"}, 1),
        ({"x-ratelimit-reset": "soon"}, None),
        ({}, None),
    ],
)
def test_sendgrid_names_the_moment_at_which_it_takes_mail_again(headers: dict[str, str], delay: float | None) -> None:
    with pytest.raises(ChannelError) as caught:
        sendgrid_refusal.message_id(answer(429, "", headers))
    assert caught.value.retry_after_secs == delay


@pytest.mark.parametrize("text", ["<html>busy</html>", "[1]", '{"errors": 5}', '{"errors": [7]}', "[" * 100_000, ""])
def test_an_answer_of_no_known_form_is_still_a_refusal(text: str) -> None:
    for read in (sendgrid_refusal.message_id, ses_refusal.message_id):
        with pytest.raises(ChannelError) as caught:
            read(answer(500, text))
        assert caught.value.outcome is Outcome.RETRY


def test_sendgrid_names_the_mail_that_it_took() -> None:
    assert sendgrid_refusal.message_id(answer(202, "", {"x-message-id": "abc.123"})) == "abc.123"
    assert sendgrid_refusal.message_id(answer(202)) == ""


@pytest.mark.parametrize(
    ("status", "name", "outcome"),
    [
        (429, "TooManyRequestsException", Outcome.RETRY),
        (400, "ThrottlingException", Outcome.RETRY),
        (400, "LimitExceededException", Outcome.RETRY),
        (503, "ServiceUnavailable", Outcome.RETRY),
        (400, "MessageRejected", Outcome.PERMANENT),
        (400, "MailFromDomainNotVerifiedException", Outcome.PERMANENT),
        (404, "NotFoundException", Outcome.PERMANENT),
        (400, "BadRequestException", Outcome.PERMANENT),
        (400, "AccountSuspendedException", Outcome.HOLD),
        (400, "SendingPausedException", Outcome.HOLD),
        (403, "AccessDeniedException", Outcome.HOLD),
        (403, "UnrecognizedClientException", Outcome.HOLD),
        (403, "InvalidClientTokenId", Outcome.HOLD),
        (403, "ExpiredTokenException", Outcome.HOLD),
        (403, "SignatureDoesNotMatch", Outcome.HOLD),
        (403, "InvalidSignatureException", Outcome.HOLD),
        (400, "SomethingNewException", Outcome.PERMANENT),
        (403, "SomethingNewException", Outcome.HOLD),
        (500, "SomethingNewException", Outcome.RETRY),
    ],
)
def test_the_name_of_sess_error_says_what_becomes_of_the_mail(status: int, name: str, outcome: Outcome) -> None:
    for written in (name, f"{name}:http://internal.amazon.com/coral/"):
        with pytest.raises(ChannelError) as caught:
            ses_refusal.message_id(answer(status, '{"message": "no"}', {"x-amzn-errortype": written}))
        assert (caught.value.outcome, caught.value.status) == (outcome, status)
        assert "no" in caught.value.message


@pytest.mark.parametrize(("said", "delay"), [("Daily message quota exceeded.", 600), ("Maximum sending rate exceeded.", None)])
def test_sess_daily_quota_is_left_alone_for_ten_minutes(said: str, delay: float | None) -> None:
    with pytest.raises(ChannelError) as caught:
        ses_refusal.message_id(answer(400, json.dumps({"message": said}), {"x-amzn-errortype": "ThrottlingException"}))
    assert caught.value.retry_after_secs == delay


@pytest.mark.parametrize(
    ("text", "given"),
    [
        ('{"MessageId": "0102018d-0000-4000-8000-000000000000-000000"}', "0102018d-0000-4000-8000-000000000000-000000"),
        ('{"MessageId": "x>\\r\\nBcc: y"}', ""),
        ('{"MessageId": 7}', ""),
        ("", ""),
    ],
)
def test_ses_names_the_mail_that_it_took(text: str, given: str) -> None:
    assert ses_refusal.message_id(answer(200, text)) == given
