"""Slack's own client takes the stand-in for Slack: what it accepts, raises and reads back is what the real one would give."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from buildnet_cli.channels.slack import blocks
from buildnet_cli.messages.render import render
from buildnet_cli.sandbox.slack.routes import BOT_TOKEN, REFUSING, REVOKED_TOKEN, UNSCOPED_TOKEN
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES

pytestmark = pytest.mark.integration

ROOM = "C0123456789"


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


def client(inbox: HttpInbox, token: str | None = BOT_TOKEN) -> WebClient:
    return WebClient(token=token, base_url=f"{inbox.url}/slack/api/")


def test_the_client_learns_who_it_is(inbox: HttpInbox) -> None:
    assert client(inbox).auth_test()["user_id"] == "U0SANDBOX"


def test_a_message_is_posted_answered_and_changed(inbox: HttpInbox) -> None:
    web = client(inbox)
    first = web.chat_postMessage(channel=ROOM, **blocks.body(render(SAMPLES["build.failed-first"])))
    assert (first["ok"], first["channel"]) == (True, ROOM)
    assert first["message"]["blocks"][0]["type"] == "header"
    reply = web.chat_postMessage(channel=ROOM, text="fixed", thread_ts=first["ts"], reply_broadcast=True)
    assert reply["message"]["thread_ts"] == first["ts"]
    assert reply["ts"] > first["ts"]
    changed = web.chat_update(channel=ROOM, ts=first["ts"], text="better")
    assert (changed["ts"], changed["text"]) == (first["ts"], "better")
    posted, answered, replaced = inbox.received(ROOM)
    assert (posted.thread, posted.replaces) == (0, 0)
    assert (answered.thread, answered.replaces) == (posted.number, 0)
    assert (replaced.thread, replaced.replaces) == (0, posted.number)
    assert {message.provider for message in (posted, answered, replaced)} == {"slack"}


def test_a_room_by_its_name_has_an_id_that_changes_need(inbox: HttpInbox) -> None:
    web = client(inbox)
    first = web.chat_postMessage(channel="#builds", text="hello")
    assert first["channel"].startswith("C")
    assert web.chat_postMessage(channel="#builds", text="again")["channel"] == first["channel"]
    assert web.chat_update(channel=first["channel"], ts=first["ts"], text="bye")["ok"]
    assert refused(web.chat_update, channel="#builds", ts=first["ts"], text="bye") == "channel_not_found"
    assert {message.recipient for message in inbox.received()} == {"#builds"}


@pytest.mark.parametrize(
    ("token", "error"),
    [(None, "not_authed"), ("xoxb-wrong", "invalid_auth"), (REVOKED_TOKEN, "token_revoked"), (UNSCOPED_TOKEN, "missing_scope")],
)
def test_a_wrong_token_is_refused(inbox: HttpInbox, token: str | None, error: str) -> None:
    assert refused(client(inbox, token).chat_postMessage, channel=ROOM, text="x") == error
    assert inbox.received() == []


@pytest.mark.parametrize(("room", "error"), [*REFUSING.items(), ("builds", "channel_not_found"), ("c0123", "channel_not_found")])
def test_a_room_that_takes_nothing_says_why(inbox: HttpInbox, room: str, error: str) -> None:
    assert refused(client(inbox).chat_postMessage, channel=room, text="x") == error
    assert inbox.received() == []


def section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


@pytest.mark.parametrize(
    ("message", "error"),
    [
        ({"text": "x" * 4001}, "msg_too_long"),
        ({"text": "x", "blocks": [section("x" * 3001)]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("")]}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x")] * 51}, "invalid_blocks"),
        ({"text": "x", "blocks": [section("x" * 2900)] * 5}, "msg_blocks_too_long"),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "plain_text", "text": "x" * 151}}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section", "fields": [section("x")["text"]] * 11}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "section", "fields": [section("x" * 2001)["text"]]}]}, "invalid_blocks"),
        ({"text": "x", "blocks": [{"type": "carousel"}]}, "invalid_blocks"),
        ({"text": "x", "attachments": [{"fallback": "x", "blocks": [section("x" * 3001)]}]}, "invalid_blocks"),
        ({"text": "x", "attachments": [{"fallback": "x", "text": "x"}] * 101}, "too_many_attachments"),
        ({"text": "x", "thread_ts": "1.000001"}, "thread_not_found"),
    ],
)
def test_a_message_that_slack_would_not_show_is_refused(inbox: HttpInbox, message: dict[str, Any], error: str) -> None:
    assert refused(client(inbox).chat_postMessage, channel=ROOM, **message) == error
    assert inbox.received() == []


def test_nothing_to_say_is_refused(inbox: HttpInbox) -> None:
    assert refused(client(inbox).api_call, api_method="chat.postMessage", json={"channel": ROOM}) == "no_text"


def test_a_message_that_is_not_there_cannot_be_changed(inbox: HttpInbox) -> None:
    assert refused(client(inbox).chat_update, channel=ROOM, ts="1.000001", text="x") == "message_not_found"


def test_arguments_may_come_as_a_form(inbox: HttpInbox) -> None:
    body = {"channel": ROOM, "text": "x", "blocks": json.dumps([section("as a form")])}
    assert client(inbox).api_call("chat.postMessage", data=body)["ok"]
    assert inbox.received()[-1].reading.line == "as a form"


def test_an_unknown_method_is_refused(inbox: HttpInbox) -> None:
    assert refused(client(inbox).api_call, api_method="chat.shout") == "unknown_method"


def test_the_client_waits_as_long_as_it_is_told(inbox: HttpInbox) -> None:
    web = client(inbox)
    inbox.script(ROOM, {"status": 429, "retry_after": 1})
    with pytest.raises(SlackApiError) as caught:
        web.chat_postMessage(channel=ROOM, text="x")
    assert (caught.value.response.status_code, caught.value.response["error"]) == (429, "ratelimited")
    assert caught.value.response.headers["Retry-After"] == "1"
    web.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
    inbox.script(ROOM, {"status": 429, "retry_after": 1})
    assert web.chat_postMessage(channel=ROOM, text="x")["ok"]


def refused(call: Any, **arguments: Any) -> str:
    """The error that Slack's client reads out of the answer."""
    with pytest.raises(SlackApiError) as caught:
        call(**arguments)
    return str(caught.value.response["error"])
