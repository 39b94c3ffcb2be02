"""The stand-in for Telegram, as a bot library that many use finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from telegram import Bot, LinkPreviewOptions, ReplyParameters
from telegram.error import BadRequest, ChatMigrated, Forbidden, InvalidToken, NetworkError, RetryAfter, TimedOut
from telegram.request import HTTPXRequest

from buildnet_cli.sandbox import telegram
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

CHAT = 123456789
GROUP = -1001234567890


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture
async def bot(inbox: HttpInbox) -> AsyncIterator[Bot]:
    async with a_bot(inbox) as bot:
        yield bot


def a_bot(inbox: HttpInbox, token: str = telegram.TOKEN) -> Bot:
    request = HTTPXRequest(httpx_kwargs={"trust_env": False})
    return Bot(token, base_url=f"{inbox.url}{telegram.PREFIX}/bot", request=request, get_updates_request=request)


async def test_the_bot_says_who_it_is(bot: Bot) -> None:
    me = await bot.get_me()
    assert (me.username, me.is_bot) == ("buildnet_sandbox_bot", True)


async def test_a_message_is_taken_with_its_entities(bot: Bot, inbox: HttpInbox) -> None:
    sent = await bot.send_message(
        GROUP,
        "😀 <b>api FAILED</b>\nit broke\n<pre>a &lt; b</pre>",
        parse_mode="HTML",
        message_thread_id=7,
        disable_notification=True,
        link_preview_options=LinkPreviewOptions(is_disabled=True),
    )
    assert sent.text == "😀 api FAILED\nit broke\na < b"
    assert [(entity.type, sent.parse_entity(entity)) for entity in sent.entities] == [("bold", "api FAILED"), ("pre", "a < b")]
    assert (sent.chat.id, sent.chat.type, sent.message_thread_id) == (GROUP, "supergroup", 7)
    assert sent.date is not None
    (got,) = inbox.received(str(GROUP))
    assert got.number == sent.message_id
    assert (got.reading.title, got.reading.line, got.reading.code) == ("😀 api FAILED", "it broke", "a < b")
    assert "silent" in got.reading.note


async def test_a_text_that_looks_like_json_is_a_text(bot: Bot) -> None:
    assert (await bot.send_message(CHAT, '{"a": 1}')).text == '{"a": 1}'


async def test_a_public_channel_has_a_name(bot: Bot) -> None:
    sent = await bot.send_message("@builds", "hello")
    assert (sent.chat.type, sent.chat.username) == ("channel", "builds")


async def test_an_answer_belongs_to_what_it_answers(bot: Bot, inbox: HttpInbox) -> None:
    first = await bot.send_message(CHAT, "first")
    await bot.send_message(CHAT, "second", reply_parameters=ReplyParameters(first.message_id))
    assert [got.thread for got in inbox.received()] == [0, first.message_id]
    with pytest.raises(BadRequest, match=r"(?i)message to be replied not found"):
        await bot.send_message(CHAT, "third", reply_parameters=ReplyParameters(99))
    await bot.send_message(CHAT, "third", reply_parameters=ReplyParameters(99, allow_sending_without_reply=True))
    assert inbox.received()[-1].thread == 0


async def test_a_message_is_edited_only_if_it_is_there_and_changes(bot: Bot, inbox: HttpInbox) -> None:
    sent = await bot.send_message(CHAT, "<b>red</b>", parse_mode="HTML")
    edited = await bot.edit_message_text("<b>green</b>", CHAT, sent.message_id, parse_mode="HTML")
    assert not isinstance(edited, bool)
    assert (edited.message_id, edited.text) == (sent.message_id, "green")
    assert edited.edit_date is not None
    assert [got.replaces for got in inbox.received()] == [0, sent.message_id]
    with pytest.raises(BadRequest, match=r"(?i)message is not modified"):
        await bot.edit_message_text("<b>green</b>", CHAT, sent.message_id, parse_mode="HTML")
    with pytest.raises(BadRequest, match=r"(?i)message to edit not found"):
        await bot.edit_message_text("blue", GROUP, sent.message_id)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<x>a</x>", "(?i)can't parse entities: unsupported start tag"),
        ("<b>a", "(?i)can't parse entities: can't find end tag"),
        ("<b> </b>", "(?i)message text is empty"),
        ("😀" * 2049, "(?i)message is too long"),
    ],
)
async def test_a_text_that_telegram_refuses_is_refused(text: str, said: str, bot: Bot, inbox: HttpInbox) -> None:
    with pytest.raises(BadRequest, match=said):
        await bot.send_message(CHAT, text, parse_mode="HTML")
    assert inbox.received() == []


async def test_the_limit_counts_what_is_read_in_utf16_units(bot: Bot) -> None:
    sent = await bot.send_message(CHAT, "&amp;" * 4096, parse_mode="HTML")
    assert sent.text == "&" * 4096
    await bot.send_message(CHAT, "😀" * 2048)


@pytest.mark.parametrize("chat", telegram.CHAT_FLAWS)
async def test_a_chat_that_cannot_be_written_to_is_refused_in_telegrams_words(chat: int, bot: Bot) -> None:
    status, description = telegram.CHAT_FLAWS[chat]
    kind, said = (Forbidden if status == 403 else BadRequest), description.partition(": ")[2]
    with pytest.raises(kind, match=f"(?i){said}"):
        await bot.send_message(chat, "hello")


async def test_a_group_that_moved_says_where_to(bot: Bot) -> None:
    with pytest.raises(ChatMigrated) as caught:
        await bot.send_message(telegram.OLD_GROUP, "hello")
    assert caught.value.new_chat_id == telegram.NEW_GROUP
    with pytest.raises(BadRequest, match=r"(?i)message thread not found"):
        await bot.send_message(GROUP, "hello", message_thread_id=telegram.LOST_TOPIC)


@pytest.mark.parametrize("token", ["110201543:another-token", "not-a-token"])
async def test_another_token_is_refused(token: str, inbox: HttpInbox) -> None:
    with pytest.raises(InvalidToken):
        async with a_bot(inbox, token):
            raise AssertionError("it was let in")


async def test_scripted_refusals_have_telegrams_form(bot: Bot, inbox: HttpInbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PTB_TIMEDELTA", "1")  # the library's coming form, without its warning
    inbox.script("telegram", {"status": 429, "retry_after": 35}, 502, 403)
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(CHAT, "hello")
    assert caught.value.retry_after == timedelta(seconds=35)
    with pytest.raises(NetworkError, match=r"(?i)internal server error"):
        await bot.send_message(CHAT, "hello")
    with pytest.raises(Forbidden):
        await bot.send_message(CHAT, "hello")


async def test_an_answer_may_never_come(bot: Bot, inbox: HttpInbox) -> None:
    inbox.script(str(CHAT), "hang")
    with pytest.raises(TimedOut):
        await bot.send_message(CHAT, "hello", read_timeout=0.3)
