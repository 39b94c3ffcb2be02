"""What Slack gets of an incident, from its first message to its end."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from buildnet_cli.channels.slack.adapter import SlackChannel
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.delivery.model import OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render, updated
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.slack.routes import BOT_TOKEN, REFUSING
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, outgoing

pytestmark = pytest.mark.integration

FAILED, STILL, FIXED = (render(SAMPLES[name]) for name in ("build.failed-first", "build.failed-still", "build.completed-fixed"))


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
def slack(http: HttpClient, inbox: HttpInbox) -> SlackChannel:
    return channel(http, inbox)


def channel(http: HttpClient, inbox: HttpInbox, **options: Any) -> SlackChannel:
    rooms = [{"id": "C0123456789", "name": "ops"}, *({"id": id} for id in REFUSING)]
    given = {"bot_token": BOT_TOKEN, "channels": rooms, "default_channel": "#builds", "base_url": f"{inbox.url}/slack/api"}
    return SlackChannel(Slack.model_validate({**given, **options}), http)


def following(ref: str, message: Any = FIXED, room: str = "ops") -> OutgoingMessage:
    return replace(outgoing(message, f"slack:{room}"), thread=Thread(ref, updated(FAILED, message)))


async def test_a_message_goes_to_the_rooms_id_with_the_bots_token(slack: SlackChannel, inbox: HttpInbox) -> None:
    receipt = await slack.send(outgoing(FAILED, "slack:ops"))
    (got,) = inbox.received()
    assert got.body["channel"] == "C0123456789"
    assert got.headers["content-type"] == "application/json; charset=utf-8"
    assert (got.body["unfurl_links"], got.body["unfurl_media"]) == (False, False)
    assert got.reading.title == FAILED.title
    assert receipt.ref == f"C0123456789:{receipt.provider_id}"
    assert receipt.detail == "posted in C0123456789"


@pytest.mark.parametrize(("message", "is_broadcast"), [(STILL, False), (FIXED, True)])
async def test_what_follows_answers_the_first_message_and_changes_it(
    slack: SlackChannel, inbox: HttpInbox, message: Any, is_broadcast: bool
) -> None:
    first = await slack.send(outgoing(FAILED, "slack:ops"))
    await slack.send(following(first.ref, message))
    posted, answered, changed = inbox.received()
    assert (answered.thread, answered.body["thread_ts"]) == (posted.number, first.provider_id)
    assert answered.body["reply_broadcast"] is is_broadcast
    assert (changed.replaces, changed.body["parse"]) == (posted.number, "none")
    assert (changed.reading.title, changed.reading.was) == (message.title, FAILED.title)


async def test_a_room_by_its_name_is_answered_by_its_id(slack: SlackChannel, inbox: HttpInbox) -> None:
    first = await slack.send(outgoing(FAILED, "slack:#builds"))
    await slack.send(following(first.ref, room="#builds"))
    posted, answered, changed = inbox.received("#builds")
    assert [answered.thread, changed.replaces] == [posted.number, posted.number]


async def test_a_recipient_that_moved_gets_a_message_of_its_own(slack: SlackChannel, inbox: HttpInbox) -> None:
    await slack.send(following("C9999999999:1706270400.000100"))
    (got,) = inbox.received()
    assert "thread_ts" not in got.body


async def test_when_the_first_message_is_gone_the_news_is_posted_all_the_same(
    slack: SlackChannel, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = await slack.send(following("C0123456789:1706270400.000100"))
    (got,) = inbox.received()
    assert not {"thread_ts", "reply_broadcast"} & got.body.keys()
    assert receipt.ref.startswith("C0123456789:")
    assert "stays as it was: 127.0.0.1 answered: message_not_found" in caplog.text


@pytest.mark.parametrize("answer", [503, 429, {"status": 200, "text": '{"ok":false,"error":"edit_window_closed"}'}])
async def test_a_change_that_fails_is_no_failure_of_the_delivery(
    slack: SlackChannel, inbox: HttpInbox, caplog: pytest.LogCaptureFixture, answer: Any
) -> None:
    first = await slack.send(outgoing(FAILED, "slack:ops"))
    inbox.script("C0123456789", 200, answer)
    receipt = await slack.send(following(first.ref))
    assert receipt.provider_id
    assert len(inbox.received()) == 3
    assert "stays as it was" in caplog.text


async def test_a_form_that_slack_refuses_is_sent_once_more_as_plain_text(slack: SlackChannel, inbox: HttpInbox) -> None:
    inbox.script("C0123456789", {"status": 200, "text": json.dumps({"ok": False, "error": "invalid_blocks"})})
    receipt = await slack.send(outgoing(FAILED, "slack:ops"))
    refused, taken = inbox.received()
    assert refused.body.keys() - taken.body.keys() == {"blocks", "attachments"}
    assert taken.body["text"].startswith("api FAILED (1st after 14 ok)\nTS2345")
    assert receipt.detail == "posted as plain text in C0123456789"


async def test_it_is_sent_as_plain_text_only_once(slack: SlackChannel, inbox: HttpInbox) -> None:
    answer = {"status": 200, "text": json.dumps({"ok": False, "error": "invalid_blocks"})}
    inbox.script("C0123456789", answer, answer, answer)
    with pytest.raises(ChannelError, match="invalid_blocks") as caught:
        await slack.send(outgoing(FAILED, "slack:ops"))
    assert caught.value.outcome is Outcome.PERMANENT
    assert len(inbox.received()) == 2


@pytest.mark.parametrize(
    ("room", "outcome"),
    [
        ("C0UNKNOWN", Outcome.PERMANENT),
        ("C0PRIVATE", Outcome.PERMANENT),
        ("C0ARCHIVED", Outcome.PERMANENT),
        ("C0READONLY", Outcome.PERMANENT),
        ("C0BROKEN", Outcome.UNKNOWN),
    ],
)
async def test_a_room_that_refuses_says_what_to_do(slack: SlackChannel, room: str, outcome: Outcome) -> None:
    with pytest.raises(ChannelError, match=REFUSING[room]) as caught:
        await slack.send(outgoing(FAILED, f"slack:{room}"))
    assert caught.value.outcome is outcome
    assert caught.value.hint or outcome is Outcome.UNKNOWN


async def test_a_wrong_token_holds_the_channel(http: HttpClient, inbox: HttpInbox) -> None:
    with pytest.raises(ChannelError, match="invalid_auth") as caught:
        await channel(http, inbox, bot_token="xoxb-of-somebody-else").send(outgoing(FAILED, "slack:ops"))
    assert caught.value.outcome is Outcome.HOLD


async def test_a_room_that_is_no_longer_configured_is_a_final_refusal(slack: SlackChannel) -> None:
    with pytest.raises(ChannelError, match='no Slack channel is called "gone"') as caught:
        await slack.send(outgoing(FAILED, "slack:gone"))
    assert caught.value.outcome is Outcome.PERMANENT
