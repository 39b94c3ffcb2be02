"""discord.py takes the stand-in for Discord: what it accepts, raises and reads back is what the real one would give."""

from __future__ import annotations

import asyncio
import time
import warnings
from collections.abc import AsyncIterator, Iterator
from typing import Any

import aiohttp
import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore", DeprecationWarning)  # for its audio, which nobody uses here
    import discord
    from discord.http import HTTPClient, MultipartParameters, Route

from buildnet_cli.channels.discord import embed
from buildnet_cli.messages.render import render
from buildnet_cli.sandbox.discord.bucket import LIMIT
from buildnet_cli.sandbox.discord.routes import BOT_TOKEN, REFUSING, WEBHOOK_ID, WEBHOOK_TOKEN
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import SAMPLES

pytestmark = pytest.mark.integration

ROOM = "987654321"
FAILED, FIXED = (embed.body(render(SAMPLES[name])) for name in ("build.failed-first", "build.completed-fixed"))


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Iterator[HttpInbox]:
    with http_inbox() as running:
        monkeypatch.setattr(Route, "BASE", f"{running.url}/discord/api/v10")
        yield running


@pytest.fixture
async def bot(inbox: HttpInbox) -> AsyncIterator[HTTPClient]:
    client = HTTPClient(asyncio.get_running_loop())
    await client.static_login(BOT_TOKEN)
    yield client
    await client.close()


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


def payload(**body: Any) -> MultipartParameters:
    return MultipartParameters(body, None, None)


async def test_a_wrong_token_cannot_log_in(inbox: HttpInbox) -> None:
    client = HTTPClient(asyncio.get_running_loop())
    with pytest.raises(discord.LoginFailure):
        await client.static_login("wrong")
    await client.close()


async def test_a_message_is_posted_replied_to_and_changed(bot: HTTPClient, inbox: HttpInbox) -> None:
    first = await bot.send_message(ROOM, params=payload(**FAILED))
    assert (first["channel_id"], first["author"]["bot"], first["type"]) == (ROOM, True, 0)
    assert first["embeds"][0]["title"] == FAILED["embeds"][0]["title"]
    assert abs(discord.utils.snowflake_time(int(first["id"])).timestamp() - time.time()) < 60
    reply = await bot.send_message(ROOM, params=payload(**FIXED, message_reference={"message_id": first["id"]}))
    assert (reply["type"], int(reply["id"]) > int(first["id"])) == (19, True)
    changed = await bot.edit_message(ROOM, first["id"], params=payload(**FIXED))
    assert (changed["id"], changed["edited_timestamp"] is not None) == (first["id"], True)
    posted, answered, replaced = inbox.received(ROOM)
    assert (answered.thread, replaced.replaces) == (posted.number, posted.number)
    assert {message.provider for message in (posted, answered, replaced)} == {"discord"}


async def test_a_nonce_that_is_known_is_answered_with_its_message(bot: HTTPClient, inbox: HttpInbox) -> None:
    twice = [await bot.send_message(ROOM, params=payload(content="x", nonce="n1", enforce_nonce=True)) for _ in range(2)]
    assert twice[0] == twice[1]
    assert twice[0]["nonce"] == "n1"
    assert len(inbox.received()) == 1
    for body in ({"nonce": "n1"}, {"nonce": "n2", "enforce_nonce": True}):
        await bot.send_message(ROOM, params=payload(content="x", **body))
    assert len(inbox.received()) == 3


async def test_a_message_that_failed_leaves_its_nonce_free(bot: HTTPClient, inbox: HttpInbox) -> None:
    inbox.script(ROOM, 503)
    with pytest.raises(discord.DiscordServerError):
        await bot.send_message(ROOM, params=payload(content="x", nonce="n1", enforce_nonce=True))
    await bot.send_message(ROOM, params=payload(content="x", nonce="n1", enforce_nonce=True))
    assert [message.answered for message in inbox.received()] == [503, 200]


@pytest.mark.parametrize(("room", "refusal"), [item for item in REFUSING.items() if item[1][1] != 160002])
async def test_a_room_that_takes_nothing_says_why(bot: HTTPClient, room: str, refusal: tuple[int, int, str]) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await bot.send_message(room, params=payload(content="x"))
    assert (caught.value.status, caught.value.code, caught.value.text) == refusal
    assert isinstance(caught.value, discord.Forbidden if refusal[0] == 403 else discord.NotFound)


@pytest.mark.parametrize(
    ("body", "code", "told"),
    [
        ({"content": " "}, 50006, "Cannot send an empty message"),
        ({"content": "x" * 2001}, 50035, "In content: Must be 2000 or fewer in length."),
        ({"content": "x", "nonce": "n" * 26}, 50035, "In nonce: Must be 25 or fewer in length."),
        ({"embeds": [{"title": "x" * 257}]}, 50035, "In embeds.0.title: Must be 256 or fewer in length."),
        ({"embeds": [{"description": "x" * 4097}]}, 50035, "In embeds.0.description: Must be 4096 or fewer in length."),
        ({"embeds": [{"fields": [{"name": "a", "value": " "}]}]}, 50035, "In embeds.0.fields.0.value: This field is required"),
        ({"embeds": [{"fields": [{"name": "a", "value": "b"}] * 26}]}, 50035, "In embeds.0.fields: Must be 25"),
        ({"embeds": [{"description": "x" * 4000}] * 2}, 50035, "Embed size exceeds maximum size of 6000"),
        ({"embeds": [{"title": "x"}] * 11}, 50035, "In embeds: Must be 10 or fewer in length."),
        ({"content": "x", "message_reference": {"message_id": "1"}}, 50035, "Unknown message"),
    ],
)
async def test_a_message_that_discord_would_not_show_is_refused(
    bot: HTTPClient, inbox: HttpInbox, body: dict[str, Any], code: int, told: str
) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await bot.send_message(ROOM, params=payload(**body))
    assert (caught.value.status, caught.value.code) == (400, code)
    assert told in caught.value.text
    assert inbox.received() == []


async def test_a_message_that_is_not_there_cannot_be_changed(bot: HTTPClient) -> None:
    with pytest.raises(discord.NotFound) as caught:
        await bot.edit_message(ROOM, "1", params=payload(content="x"))
    assert caught.value.code == 10008


async def test_the_client_keeps_within_the_limits_that_it_is_told(bot: HTTPClient, inbox: HttpInbox) -> None:
    began = time.monotonic()
    for _ in range(LIMIT + 1):
        await bot.send_message(ROOM, params=payload(content="x"))
    assert time.monotonic() - began > 0.5, "the last one had to wait for the bucket"
    assert {message.answered for message in inbox.received()} == {200}


async def test_who_does_not_keep_within_them_is_told_to_wait(session: aiohttp.ClientSession, inbox: HttpInbox) -> None:
    url = f"{inbox.url}/discord/api/v10/channels/{ROOM}/messages"
    headers = {"Authorization": f"Bot {BOT_TOKEN}", "User-Agent": "DiscordBot (test, 1)"}

    async def post() -> tuple[int, Any, Any]:
        async with session.post(url, json={"content": "x"}, headers=headers) as answer:
            return answer.status, await answer.json(), answer.headers

    answers = await asyncio.gather(*(post() for _ in range(LIMIT * 6)))
    body, limits = next((body, limits) for status, body, limits in answers if status == 429)
    assert (body["global"], limits["X-RateLimit-Scope"]) == (False, "user")
    assert 0 < body["retry_after"] <= 1
    assert (limits["Via"], limits["X-RateLimit-Remaining"]) == ("1.1 google", "0")


async def test_a_client_that_does_not_say_who_it_is_is_blocked(session: aiohttp.ClientSession, inbox: HttpInbox) -> None:
    headers = {"Authorization": f"Bot {BOT_TOKEN}"}
    async with session.get(f"{inbox.url}/discord/api/v10/users/@me", headers=headers) as answer:
        assert (answer.status, (await answer.json())["code"]) == (403, 40333)


async def test_a_webhook_posts_and_changes(session: aiohttp.ClientSession, inbox: HttpInbox) -> None:
    webhook = discord.Webhook.partial(int(WEBHOOK_ID), WEBHOOK_TOKEN, session=session)
    message = await webhook.send(embed=discord.Embed.from_dict(FAILED["embeds"][0]), wait=True)
    assert message.embeds[0].title == FAILED["embeds"][0]["title"]
    changed = await webhook.edit_message(message.id, content="better")
    assert (changed.id, changed.content, changed.edited_at is not None) == (message.id, "better", True)
    assert [got.replaces for got in inbox.received()] == [0, 1]
    assert await webhook.send("no need to tell") is None


@pytest.mark.parametrize(
    ("id", "token", "status", "code"), [(WEBHOOK_ID, "wrong", 401, 50027), ("100000000000000009", WEBHOOK_TOKEN, 404, 10015)]
)
async def test_a_webhook_that_is_none_is_refused(
    session: aiohttp.ClientSession, inbox: HttpInbox, id: str, token: str, status: int, code: int
) -> None:
    with pytest.raises(discord.HTTPException) as caught:
        await discord.Webhook.partial(int(id), token, session=session).send("x")
    assert (caught.value.status, caught.value.code) == (status, code)
