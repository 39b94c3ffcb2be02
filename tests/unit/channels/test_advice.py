"""What is said of a provider's refusal: its meaning and one next step, found in the words that the channels store."""

from __future__ import annotations

import pytest

from buildnet_cli.channels.advice import advice_on
from buildnet_cli.channels.advice_rows import ROWS, Row
from buildnet_cli.config.recipient import CHANNELS

ALL = [(channel, row) for channel, rows in ROWS.items() for row in rows]


@pytest.mark.parametrize(
    ("channel", "answer", "code", "meaning", "next_step"),
    [
        ("sms", "Twilio 20003: Authenticate", "20003", "credential", "auth_token"),
        ("sms", "Twilio 21211: The 'To' number +1 is not a valid phone number", "21211", "number", "country code"),
        ("sms", "Twilio 21608: The number is unverified.", "21608", "trial account", "verify +1•••456"),
        ("sms", "Twilio 21610: Attempt to send to unsubscribed recipient", "21610", "STOP", "START"),
        ("sms", "undelivered 30003", "30003", "out of reach", "retry --failed"),
        ("sms", "undelivered 30007", "30007", "filtered", "10DLC"),
        ("sms", "undelivered 30034", "30034", "10DLC", "register"),
        ("email", "smtp.example.com answered 535: 5.7.8 Error: authentication failed", "535", "password", "app password"),
        ("email", "smtp.example.com answered 550: no such user", "550", "refuses", "addresses"),
        ("email", "smtp.example.com answered 550: 5.1.1 no such user", "5.1.1", "no such mailbox", "correct"),
        ("email", "smtp.example.com answered 554: policy", "554", "policy", "SPF"),
        ("slack", "slack.com answered: not_in_channel", "not_in_channel", "not in that channel", "/invite"),
        ("slack", "slack.com answered: channel_not_found", "channel_not_found", "no such channel", "id"),
        ("slack", "slack.com answered: missing_scope", "missing_scope", "may not", "chat:write"),
        ("slack", "slack.com answered: invalid_auth", "invalid_auth", "token", "xoxb-"),
        ("slack", "slack.com answered: ratelimited", "ratelimited", "too many", "by itself"),
        ("webhook", "hooks.slack.com answered 404: no_service", "no_service", "removed", "new webhook"),
        ("webhook", "discord.com answered 404: Unknown Webhook (10015)", "10015", "deleted", "new one"),
        ("discord", "discord.com answered 404: Unknown Channel (10003)", "10003", "no such channel", "Developer Mode"),
        ("discord", "discord.com answered 403: Missing Access (50001)", "50001", "cannot see", "View Channel"),
        ("discord", "discord.com answered 403: Missing Permissions (50013)", "50013", "may not write", "Send Messages"),
        ("telegram", "Telegram 403: Forbidden: bot was blocked by the user", "403", "blocked", "unblock"),
        ("telegram", "Telegram 400: Bad Request: chat not found", "400", "no such chat", "Start"),
        ("telegram", "Telegram 409: Conflict: terminated by other getUpdates request", "409", "same token", "stop"),
        ("telegram", "Telegram 404: Not Found", "404", "the token is none", "@BotFather"),
        ("telegram", "Telegram 401: Unauthorized", "401", "token", "@BotFather"),
        ("push", "FCM UNREGISTERED: Requested entity was not found.", "UNREGISTERED", "registered", "remove"),
    ],
)
def test_a_refusal_is_explained(channel: str, answer: str, code: str, meaning: str, next_step: str) -> None:
    found = advice_on(channel, answer, recipient="+1•••456")
    assert found is not None
    assert found.code == code
    assert meaning in found.meaning
    assert next_step in found.next_step


@pytest.mark.parametrize(
    ("channel", "answer"),
    [
        ("sms", "Twilio 99999: new"),
        ("sms", "call +14155021608 now"),
        ("email", "smtp.example.com answered 250: queued as 535"),
        ("slack", "slack.com answered: not_in_channel_anymore"),
        ("discord", "id 110003"),
        ("push", ""),
        ("console", "the terminal is closed"),
        ("webhook", "127.0.0.1 answered 400: no such room"),
    ],
)
def test_of_what_is_not_known_nothing_is_said(channel: str, answer: str) -> None:
    assert advice_on(channel, answer) is None


def test_every_channel_has_its_rows() -> None:
    assert set(ROWS) == set(CHANNELS)


@pytest.mark.parametrize(("channel", "row"), ALL, ids=[f"{channel}-{row.code}-{row.said}".strip("-") for channel, row in ALL])
def test_every_row_can_be_found_and_is_whole(channel: str, row: Row) -> None:
    said = row.said or row.code
    found = advice_on(channel, f"host says {said}: because")
    assert found is not None
    assert (found.code, found.meaning) == (row.code, row.meaning)
    for clause in (row.meaning, row.next_step):
        assert clause == clause.strip()
        assert not clause.endswith(".")
    assert "{to}" not in row.meaning
