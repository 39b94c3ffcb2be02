"""Every answer of Slack's, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildnet_cli.channels.slack.answer import FORM_REFUSED, THREAD_GONE, Posted, SlackError, posted
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON


def answer(status: int, body: Any, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "slack.com", NOON)


def refused(given: Answer) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        posted(given)
    return caught.value


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"ok": True, "channel": "C0123456789", "ts": "1706270400.000100"}, Posted("C0123456789", "1706270400.000100")),
        ({"ok": True, "channel": "C0123456789", "ts": "1.2", "warning": "missing_charset"}, Posted("C0123456789", "1.2")),
        ({"ok": True}, None),
        ({"ok": True, "channel": 7, "ts": None}, None),
    ],
)
def test_a_message_that_was_taken_says_where_it_stands(body: Any, expected: Posted | None) -> None:
    assert posted(answer(200, body)) == expected


@pytest.mark.parametrize(
    ("error", "outcome", "hint"),
    [
        ("ratelimited", Outcome.RETRY, ""),
        ("rate_limited", Outcome.RETRY, ""),
        ("message_limit_exceeded", Outcome.RETRY, ""),
        ("service_unavailable", Outcome.RETRY, ""),
        ("internal_error", Outcome.RETRY, ""),
        ("request_timeout", Outcome.RETRY, ""),
        ("team_added_to_org", Outcome.RETRY, ""),
        ("org_login_required", Outcome.RETRY, ""),
        ("fatal_error", Outcome.UNKNOWN, ""),
        ("channel_not_found", Outcome.PERMANENT, "copy the channel's id"),
        ("not_in_channel", Outcome.PERMANENT, "chat:write.public"),
        ("is_archived", Outcome.PERMANENT, "unarchive"),
        ("restricted_action", Outcome.PERMANENT, "administrators"),
        ("restricted_action_read_only_channel", Outcome.PERMANENT, "administrators"),
        ("restricted_action_thread_only_channel", Outcome.PERMANENT, "administrators"),
        ("messages_tab_disabled", Outcome.PERMANENT, "Messages tab"),
        ("team_not_found", Outcome.PERMANENT, "id, not its name"),
        ("invalid_auth", Outcome.HOLD, "bot token"),
        ("not_authed", Outcome.HOLD, "bot token"),
        ("account_inactive", Outcome.HOLD, "install the app again"),
        ("token_revoked", Outcome.HOLD, "bot token"),
        ("token_expired", Outcome.HOLD, "bot token"),
        ("missing_scope", Outcome.HOLD, "chat:write"),
        ("not_allowed_token_type", Outcome.HOLD, "bot token"),
        ("ekm_access_denied", Outcome.HOLD, "administrators"),
        ("access_denied", Outcome.HOLD, "administrators"),
        ("msg_too_long", Outcome.PERMANENT, ""),
        ("an_error_of_tomorrow", Outcome.PERMANENT, ""),
    ],
)
def test_a_refusal_with_status_200_says_what_becomes_of_the_message(error: str, outcome: Outcome, hint: str) -> None:
    found = refused(answer(200, {"ok": False, "error": error}))
    assert isinstance(found, SlackError)
    assert (found.error, found.outcome, found.status) == (error, outcome, 200)
    assert found.message == f"slack.com answered: {error}"
    assert hint in found.hint
    assert bool(hint) == bool(found.hint)


def test_what_speaks_of_the_form_or_of_the_thread_is_told_apart() -> None:
    assert {
        "msg_too_long",
        "no_text",
        "invalid_blocks",
        "invalid_blocks_format",
        "msg_blocks_too_long",
        "too_many_attachments",
        "markdown_text_conflict",
        "metadata_too_large",
    } == FORM_REFUSED
    assert not FORM_REFUSED & THREAD_GONE


def test_the_scope_that_is_missing_is_named() -> None:
    found = refused(
        answer(200, {"ok": False, "error": "missing_scope", "needed": "chat:write.customize", "provided": "commands"})
    )
    assert "chat:write.customize" in found.hint


@pytest.mark.parametrize(
    ("status", "body", "outcome"),
    [
        (429, {"ok": False, "error": "ratelimited"}, Outcome.RETRY),
        (429, "", Outcome.RETRY),
        (503, "upstream", Outcome.RETRY),
        (500, {"ok": False, "error": "fatal_error"}, Outcome.UNKNOWN),
        (500, {"ok": False, "error": "an_error_of_tomorrow"}, Outcome.RETRY),
        (401, {"ok": False, "error": "an_error_of_tomorrow"}, Outcome.HOLD),
        (403, "blocked", Outcome.HOLD),
        (404, "nothing here", Outcome.PERMANENT),
        (302, "", Outcome.PERMANENT),
        (200, "<!doctype html>sign in to the network", Outcome.RETRY),
        (200, '{"ok": tr', Outcome.UNKNOWN),
        (200, "[]", Outcome.UNKNOWN),
        (200, {"ok": "yes"}, Outcome.UNKNOWN),
    ],
)
def test_a_status_counts_where_slack_has_no_word(status: int, body: Any, outcome: Outcome) -> None:
    found = refused(answer(status, body, retry_after="30"))
    assert (found.outcome, found.status) == (outcome, status)
    if status in (429, 503):
        assert found.retry_after_secs == 30
