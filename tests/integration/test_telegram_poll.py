"""What people write to the bot, asked for or posted to us, with Telegram's stand-in on the other side."""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from typing import Any

import pytest
from telegram import Bot as LibraryBot
from telegram import BotCommand
from telegram.error import BadRequest, Conflict
from telegram.request import HTTPXRequest

from buildnet_cli.channels.telegram.bot import Bot
from buildnet_cli.channels.telegram.inbound import Ignored, Press
from buildnet_cli.channels.telegram.poller import Poller
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.errors import ChannelError, StorageError
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import telegram
from buildnet_cli.sandbox.telegram_updates import GET_UPDATES
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

DANA, GROUP = 42, -1001234567890
SECRET = "a-secret-that-only-telegram-has_1"


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


@pytest.fixture
def config(inbox: HttpInbox) -> Telegram:
    return Telegram(bot_token=telegram.TOKEN, base_url=inbox.url + telegram.PREFIX, webhook_secret=SECRET)


@pytest.fixture
def bot(config: Telegram, http: HttpClient) -> Bot:
    return Bot(config, http, timeout_secs=10)


@pytest.fixture
async def library(inbox: HttpInbox) -> AsyncIterator[LibraryBot]:
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    url = f"{inbox.url}{telegram.PREFIX}/bot"
    async with LibraryBot(telegram.TOKEN, base_url=url, request=request, get_updates_request=request) as bot:
        yield bot


async def say(inbox: HttpInbox, **said: Any) -> dict[str, Any]:
    """Write to the bot, as a person."""

    def post() -> Any:
        request = urllib.request.Request(f"{inbox.url}/telegram/say", json.dumps(said).encode(), method="POST")
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    answer: dict[str, Any] = await asyncio.to_thread(post)
    return answer


class Listener:
    """A poller and what came of it. until: how many updates, and how many pauses, are waited for."""

    def __init__(self, config: Telegram, bot: Bot, offset: int = 0, fail_with: Exception | None = None) -> None:
        self.heard: list[Inbound | Press | Ignored] = []
        self.offsets: list[int] = []
        self.pauses: list[float] = []
        self._fail_with = fail_with
        self._something = asyncio.Event()
        self.poller = Poller(config, bot, self._take, offset=offset, remember=self._remember, wait_secs=5, sleep=self._sleep)

    async def run(self, *, updates: int = 0, pauses: int = 0) -> None:
        """Let it run until so much has happened, then end it."""
        task = asyncio.create_task(self.poller.run())
        try:
            async with asyncio.timeout(20):
                while len(self.offsets) < updates or len(self.pauses) < pauses:
                    self._something.clear()
                    await self._something.wait()
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def texts(self) -> list[str]:
        said = [each.said if isinstance(each, Press) else each for each in self.heard]
        return [each.text for each in said if isinstance(each, Inbound)]

    async def _take(self, update: Inbound | Press | Ignored) -> None:
        if self._fail_with is not None:
            fail_with, self._fail_with = self._fail_with, None
            raise fail_with
        self.heard.append(update)

    async def _remember(self, offset: int) -> None:
        self.offsets.append(offset)
        self._something.set()

    async def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self._something.set()
        await asyncio.sleep(0)


async def test_what_is_written_is_heard_in_order_and_once(config: Telegram, bot: Bot, inbox: HttpInbox) -> None:
    first = (await say(inbox, **{"from": DANA, "text": "/status@buildnet_sandbox_bot"}))["update_id"]
    await say(inbox, **{"from": DANA, "chat": GROUP, "text": "BUILD api"})
    await say(inbox, update={"edited_message": {"text": "STOP"}})
    listener = Listener(config, bot)
    await listener.run(updates=3)
    assert listener.texts() == ["/status", "BUILD api"]
    assert isinstance(listener.heard[2], Ignored)
    assert listener.offsets == [first + 1, first + 2, first + 3]
    assert listener.pauses == []
    again = Listener(config, bot, offset=listener.offsets[-1])
    await say(inbox, **{"from": DANA, "text": "later"})
    await again.run(updates=1)
    assert again.texts() == ["later"]


async def test_a_question_is_held_open_until_somebody_writes(config: Telegram, bot: Bot, inbox: HttpInbox) -> None:
    listener = Listener(config, bot)
    running = asyncio.create_task(listener.run(updates=1))
    await asyncio.sleep(0.2)
    await say(inbox, **{"from": DANA, "text": "STATUS"})
    await running
    assert listener.texts() == ["STATUS"]


async def test_one_update_that_fails_does_not_silence_the_next(
    config: Telegram, bot: Bot, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    await say(inbox, **{"from": DANA, "text": "one"})
    await say(inbox, **{"from": DANA, "text": "two"})
    listener = Listener(config, bot, fail_with=ZeroDivisionError())
    await listener.run(updates=2)
    assert listener.texts() == ["two"]
    assert "could not be dealt with" in caplog.text


async def test_an_update_that_could_not_be_written_down_comes_again(config: Telegram, bot: Bot, inbox: HttpInbox) -> None:
    await say(inbox, **{"from": DANA, "text": "one"})
    listener = Listener(config, bot, fail_with=StorageError("the disk is full"))
    await listener.run(updates=1)
    assert listener.texts() == ["one"]
    assert listener.pauses == [1]


async def test_a_webhook_from_before_is_removed_if_we_are_to_ask(config: Telegram, bot: Bot, inbox: HttpInbox) -> None:
    await bot.set_webhook("http://127.0.0.1:9/elsewhere")
    listener = Listener(config, bot)
    await listener.run(pauses=1)
    await say(inbox, **{"from": DANA, "text": "STATUS"})
    await listener.run(updates=1)
    assert listener.texts() == ["STATUS"]
    assert (await bot.webhook())["url"] == ""


async def test_a_webhook_stays_if_the_configuration_wants_one(config: Telegram, bot: Bot) -> None:
    await bot.set_webhook("http://127.0.0.1:9/elsewhere")
    listener = Listener(config.model_copy(update={"mode": "webhook"}), bot)
    await listener.run(pauses=2)
    assert (await bot.webhook())["url"] == "http://127.0.0.1:9/elsewhere"
    assert listener.pauses[:2] == [30, 30]


async def test_another_who_asks_for_the_same_bot_is_told_of_once_and_left_time(
    config: Telegram, bot: Bot, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    conflict = {
        "status": 409,
        "text": '{"ok":false,"error_code":409,"description":"Conflict: terminated by other getUpdates request"}',
    }
    inbox.script(GET_UPDATES, conflict, conflict, conflict)
    listener = Listener(config, bot)
    await listener.run(pauses=3)
    assert listener.pauses[:3] == [30, 30, 30]
    (told,) = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert "another program" in told.hint  # type: ignore[attr-defined]  # what `extra` adds
    assert "terminated by other" in listener.poller.trouble
    await say(inbox, **{"from": DANA, "text": "STATUS"})
    await listener.run(updates=1)
    assert listener.texts() == ["STATUS"]


async def test_a_telegram_that_fails_is_asked_ever_more_rarely_or_when_it_says(
    config: Telegram, bot: Bot, inbox: HttpInbox
) -> None:
    inbox.script(GET_UPDATES, 502, 502, 502, {"status": 429, "retry_after": 35}, {"status": 200, "text": "<html>"})
    listener = Listener(config, bot)
    await listener.run(pauses=5)
    assert listener.pauses[:5] == [1, 2, 4, 35, 16]


async def test_a_wrong_token_is_trouble_and_not_the_end(config: Telegram, http: HttpClient) -> None:
    wrong = config.model_copy(update={"bot_token": Telegram(bot_token="1:abc").bot_token})
    listener = Listener(wrong, Bot(wrong, http))
    await listener.run(pauses=2)
    assert "401" in listener.poller.trouble
    assert "abc" not in listener.poller.trouble


async def test_a_press_is_heard_and_answered_once(config: Telegram, bot: Bot, inbox: HttpInbox) -> None:
    await say(inbox, **{"from": DANA, "chat": GROUP, "press": "c:7f3a:y"})
    listener = Listener(config, bot)
    await listener.run(updates=1)
    (press,) = listener.heard
    assert isinstance(press, Press)
    await bot.answer_press(press.press_id, "You may not do that", is_alert=True)
    (got,) = inbox.received(str(GROUP))
    assert (got.reading.title, got.reading.note) == ("You may not do that", "alert")
    with pytest.raises(ChannelError, match="too old"):
        await bot.answer_press(press.press_id)


async def test_the_menu_offers_commands(bot: Bot, library: LibraryBot) -> None:
    await bot.offer({"status": "What the engine does", "cache_stats": "What the cache holds"})
    assert await library.get_my_commands() == (
        BotCommand("status", "What the engine does"),
        BotCommand("cache_stats", "What the cache holds"),
    )
    with pytest.raises(ChannelError, match="BOT_COMMAND_INVALID"):
        await bot.offer({"Status": "In capitals"})


# The stand-in, as a bot library that many use finds it


async def test_updates_are_in_telegrams_form(library: LibraryBot, inbox: HttpInbox) -> None:
    await say(inbox, **{"from": DANA, "chat": GROUP, "text": "/status api"})
    await say(inbox, **{"from": DANA, "press": "yes", "message": 7})
    message, press = await library.get_updates(timeout=0)
    assert message.message is not None
    assert message.message.from_user is not None
    assert (message.message.text, message.message.from_user.id, message.message.chat.id) == ("/status api", DANA, GROUP)
    assert message.message.parse_entities() == {message.message.entities[0]: "/status"}
    assert press.callback_query is not None
    assert (press.callback_query.data, press.callback_query.from_user.id) == ("yes", DANA)
    assert press.callback_query.message is not None
    assert press.callback_query.message.message_id == 7
    assert await library.answer_callback_query(press.callback_query.id)
    assert await library.get_updates(offset=press.update_id + 1, timeout=0) == ()


async def test_the_second_who_asks_ends_the_first(library: LibraryBot, bot: Bot) -> None:
    first = asyncio.create_task(library.get_updates(timeout=10))
    await asyncio.sleep(0.3)
    assert list(await bot.updates(0, wait_secs=0)) == []
    with pytest.raises(Conflict, match="terminated by other getUpdates"):
        await first


async def test_a_webhook_gets_each_update_with_the_secret(library: LibraryBot, bot: Bot, inbox: HttpInbox) -> None:
    await library.set_webhook(inbox.hook("bot"), secret_token=SECRET)
    with pytest.raises(Conflict, match="webhook is active"):
        await library.get_updates(timeout=0)
    said = await say(inbox, **{"from": DANA, "text": "STATUS"})
    assert said["status"] == 200
    (got,) = inbox.received("bot")
    assert got.headers["x-telegram-bot-api-secret-token"] == SECRET
    assert got.body["message"]["text"] == "STATUS"
    inbox.script("bot", 401)
    await say(inbox, **{"from": DANA, "text": "STATUS"})
    info = await library.get_webhook_info()
    assert (info.url, info.last_error_message) == (inbox.hook("bot"), "Wrong response from the webhook: 401")
    await bot.drop_webhook()
    assert (await library.get_webhook_info()).url == ""


async def test_a_webhook_elsewhere_or_with_a_bad_secret_is_refused(library: LibraryBot) -> None:
    with pytest.raises(BadRequest, match=r"(?i)bad webhook"):
        await library.set_webhook("https://builds.example.com/x")
    with pytest.raises(BadRequest, match=r"(?i)unallowed characters"):
        await library.set_webhook("http://127.0.0.1:9/x", secret_token="ä b")


@pytest.mark.parametrize("said", [{}, {"from": "42", "text": "a"}, {"from": 42}, {"from": 42, "text": 1}])
async def test_what_cannot_be_said_is_refused(said: dict[str, Any], inbox: HttpInbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        await say(inbox, **said)
    with caught.value as answer:
        assert answer.code == 400
