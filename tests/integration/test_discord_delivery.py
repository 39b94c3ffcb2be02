"""What Discord gets of an incident, from its first message to its end, by a bot and through a webhook."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from typing import Any

import pytest

from buildnet_cli.channels.discord.adapter import DiscordChannel
from buildnet_cli.channels.webhook.adapter import WebhookChannel
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.model import OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.ids import new_id
from buildnet_cli.messages.render import render, updated
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.discord.bucket import LIMIT
from buildnet_cli.sandbox.discord.routes import BOT_TOKEN, REFUSING, WEBHOOK_ID, WEBHOOK_TOKEN
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES, outgoing

pytestmark = pytest.mark.integration

ROOM = "987654321"
MUTE_HISTORY = "100000000000160002"
FAILED, FIXED = (render(SAMPLES[name]) for name in ("build.failed-first", "build.completed-fixed"))


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
def bot(http: HttpClient, inbox: HttpInbox) -> DiscordChannel:
    return channel(http, inbox)


def channel(http: HttpClient, inbox: HttpInbox, **options: Any) -> DiscordChannel:
    rooms = [{"id": ROOM, "name": "builds"}, *({"id": id} for id in REFUSING)]
    given = {"bot_token": BOT_TOKEN, "channels": rooms, "base_url": f"{inbox.url}/discord/api/v10"}
    return DiscordChannel(Discord.model_validate({**given, **options}), http, timeout_secs=1)


def webhook(http: HttpClient, inbox: HttpInbox, **options: Any) -> Channel:
    url = f"{inbox.url}/discord/api/webhooks/{WEBHOOK_ID}/{WEBHOOK_TOKEN}?thread_id=7"
    return WebhookChannel([Webhook(**{"name": "ops", "url": url, "format": "discord", **options})], http)


def told(message: Any, target: str = "discord:builds") -> OutgoingMessage:
    """A delivery of its own, as an id that comes again is the same message to Discord."""
    return replace(outgoing(message, target), delivery_id=new_id("dlv"))


def following(ref: str, target: str = "discord:builds") -> OutgoingMessage:
    return replace(told(FIXED, target), thread=Thread(ref, updated(FAILED, FIXED)))


async def test_a_message_goes_to_the_room_with_the_bots_token(bot: DiscordChannel, inbox: HttpInbox) -> None:
    message = told(FAILED)
    receipt = await bot.send(message)
    (got,) = inbox.received(ROOM)
    assert got.headers["user-agent"].startswith("DiscordBot (")
    assert message.delivery_id.endswith(got.body["nonce"])
    assert (len(got.body["nonce"]), got.body["enforce_nonce"]) == (25, True)
    assert got.body["allowed_mentions"] == {"parse": []}
    assert receipt.ref == f"{ROOM}:{receipt.provider_id}"
    assert receipt.detail == f"posted in {ROOM}"


async def test_what_follows_replies_to_the_first_message_and_changes_it(bot: DiscordChannel, inbox: HttpInbox) -> None:
    first = await bot.send(told(FAILED))
    await bot.send(following(first.ref))
    posted, answered, changed = inbox.received()
    assert answered.thread == posted.number
    assert answered.body["message_reference"]["message_id"] == first.provider_id
    assert changed.replaces == posted.number
    assert (changed.reading.title, changed.reading.was) == (FIXED.title, FAILED.title)


async def test_an_attempt_whose_answer_was_lost_is_not_posted_twice(bot: DiscordChannel, inbox: HttpInbox) -> None:
    message = told(FAILED)
    inbox.script(ROOM, "hang")
    with pytest.raises(ChannelError) as caught:
        await bot.send(message)
    assert caught.value.outcome is Outcome.UNKNOWN
    receipt = await bot.send(replace(message, attempt=2))
    assert receipt.provider_id
    assert len(inbox.received()) == 1


async def test_a_reply_that_may_not_see_the_first_message_is_posted_by_itself(bot: DiscordChannel, inbox: HttpInbox) -> None:
    first = await bot.send(told(FAILED, f"discord:{MUTE_HISTORY}"))
    await bot.send(following(first.ref, f"discord:{MUTE_HISTORY}"))
    _, answered, _ = inbox.received()
    assert "message_reference" not in answered.body


@pytest.mark.parametrize("ref", ["1:2", "nonsense", f"{ROOM}:"])
async def test_a_first_message_elsewhere_is_not_referred_to(bot: DiscordChannel, inbox: HttpInbox, ref: str) -> None:
    await bot.send(following(ref))
    (got,) = inbox.received()
    assert "message_reference" not in got.body


async def test_a_first_message_that_is_gone_stops_nothing(
    bot: DiscordChannel, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = await bot.send(following(f"{ROOM}:1"))
    assert receipt.provider_id
    assert len(inbox.received()) == 1
    assert "stays as it was: 127.0.0.1 answered 404: Unknown Message (10008)" in caplog.text


async def test_more_than_a_room_takes_at_once_is_paced_and_not_refused(bot: DiscordChannel, inbox: HttpInbox) -> None:
    for _ in range(LIMIT + 2):
        await bot.send(told(FAILED))
    assert [message.answered for message in inbox.received()] == [200] * (LIMIT + 2)


@pytest.mark.parametrize("room", [id for id in REFUSING if id != MUTE_HISTORY])
async def test_a_room_that_refuses_says_what_to_do(bot: DiscordChannel, room: str) -> None:
    with pytest.raises(ChannelError, match=REFUSING[room][2]) as caught:
        await bot.send(told(FAILED, f"discord:{room}"))
    assert caught.value.outcome is Outcome.PERMANENT
    assert caught.value.hint


async def test_a_wrong_token_holds_the_channel(http: HttpClient, inbox: HttpInbox) -> None:
    with pytest.raises(ChannelError, match="401") as caught:
        await channel(http, inbox, bot_token="of-somebody-else").send(told(FAILED))
    assert caught.value.outcome is Outcome.HOLD


async def test_a_room_that_is_no_longer_configured_is_a_final_refusal(bot: DiscordChannel) -> None:
    with pytest.raises(ChannelError, match='no Discord channel is called "gone"') as caught:
        await bot.send(told(FAILED, "discord:gone"))
    assert caught.value.outcome is Outcome.PERMANENT


async def test_a_webhook_posts_what_follows_and_changes_the_first_message(http: HttpClient, inbox: HttpInbox) -> None:
    hook = webhook(http, inbox)
    first = await hook.send(told(FAILED, "webhook:ops"))
    assert first.ref == first.provider_id != ""
    await hook.send(following(first.ref, "webhook:ops"))
    posted, followed, changed = inbox.received()
    assert [message.method for message in (posted, followed, changed)] == ["POST", "POST", "PATCH"]
    assert (followed.thread, changed.replaces) == (0, posted.number)
    assert (changed.reading.title, changed.reading.was) == (FIXED.title, FAILED.title)


async def test_a_change_that_fails_is_no_failure_of_the_delivery(
    http: HttpClient, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    receipt = await webhook(http, inbox).send(following("1", "webhook:ops"))
    assert receipt.provider_id
    assert "stays as it was" in caplog.text
    assert WEBHOOK_TOKEN not in caplog.text


async def test_a_template_tells_of_its_event_alone(http: HttpClient, inbox: HttpInbox) -> None:
    hook = webhook(http, inbox, template='{"content": "{{event.type}}"}')
    assert (await hook.send(told(FAILED, "webhook:ops"))).ref == ""
    await hook.send(following("1", "webhook:ops"))
    assert [message.method for message in inbox.received()] == ["POST", "POST"]


@pytest.mark.parametrize(("path", "outcome"), [(f"{WEBHOOK_ID}/x", Outcome.HOLD), ("1/x", Outcome.GONE)])
async def test_a_webhook_that_is_gone_says_what_to_do(http: HttpClient, inbox: HttpInbox, path: str, outcome: Outcome) -> None:
    hook = webhook(http, inbox, url=f"{inbox.url}/discord/api/webhooks/{path}")
    with pytest.raises(ChannelError, match="Webhook") as caught:
        await hook.send(told(FAILED, "webhook:ops"))
    assert (caught.value.outcome, "new webhook" in caught.value.hint) == (outcome, True)
