"""Messages from a bot, as Telegram sees them."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from buildnet_cli.channels.telegram.adapter import TelegramChannel
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.delivery.model import OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render, updated
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox import telegram
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.messages import NOON, SAMPLES, event, outgoing

pytestmark = pytest.mark.integration

GROUP = "-1001234567890"
FAILED, FIXED = render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"])


@pytest.fixture(scope="module")
def running() -> Iterator[HttpInbox]:
    with http_inbox() as inbox:
        yield inbox


@pytest.fixture
def inbox(running: HttpInbox) -> HttpInbox:
    running.clear()
    return running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def channel(http: HttpClient, inbox: HttpInbox, *, token: str = telegram.TOKEN, **chat: Any) -> TelegramChannel:
    chats = [{"id": GROUP, "name": "Builds", **chat}]
    config = Telegram(bot_token=token, chats=chats, base_url=inbox.url + telegram.PREFIX)
    return TelegramChannel(config, http, timeout_secs=1)


def to_group(message: Message, thread: Thread | None = None) -> OutgoingMessage:
    plain = outgoing(message, "telegram:Builds")
    return OutgoingMessage(plain.delivery_id, plain.target, message, 1, NOON, "evt_1", thread)


async def test_a_message_goes_to_the_chat_as_html_without_link_previews(http: HttpClient, inbox: HttpInbox) -> None:
    receipt = await channel(http, inbox).send(to_group(FAILED))
    (got,) = inbox.received(GROUP)
    assert got.body["chat_id"] == int(GROUP)
    assert got.body["parse_mode"] == "HTML"
    assert got.body["link_preview_options"] == {"is_disabled": True}
    assert not {"message_thread_id", "disable_notification", "reply_parameters"} & got.body.keys()
    assert got.reading.title == "api FAILED (1st after 14 ok)"
    assert (receipt.provider_id, receipt.detail, receipt.ref) == (str(got.number), "sent", f"{GROUP}/{got.number}")


async def test_a_topic_and_a_silent_message_are_what_they_say(http: HttpClient, inbox: HttpInbox) -> None:
    await channel(http, inbox, thread_id="7").send(to_group(render(SAMPLES["build.cached"])))
    (got,) = inbox.received()
    assert got.body["message_thread_id"] == 7
    assert got.body["disable_notification"] is True


async def test_users_get_it_in_private_where_no_chat_is_listed(http: HttpClient, inbox: HttpInbox) -> None:
    config = Telegram(
        bot_token=telegram.TOKEN, allowed_users=[{"id": "42", "name": "Dana"}], base_url=inbox.url + telegram.PREFIX
    )
    await TelegramChannel(config, http).send(outgoing(FAILED, "telegram:Dana"))
    assert [got.body["chat_id"] for got in inbox.received()] == [42]


async def test_the_end_of_an_incident_answers_its_first_message_and_brings_that_up_to_date(
    http: HttpClient, inbox: HttpInbox
) -> None:
    bot = channel(http, inbox)
    first = await bot.send(to_group(FAILED))
    await bot.send(to_group(FIXED, Thread(first.ref, updated(FAILED, FIXED))))
    told, answer, edit = inbox.received()
    assert (answer.thread, edit.replaces) == (told.number, told.number)
    assert answer.reading.title == "api FIXED after 3 failures"
    assert (edit.reading.title, edit.reading.was) == ("api FIXED after 3 failures", "api FAILED (1st after 14 ok)")
    assert edit.body["text"].startswith("<b>api FIXED after 3 failures</b> <s>api FAILED (1st after 14 ok)</s>\n")
    assert "TS2345" in edit.body["text"]


@pytest.mark.parametrize("answer", [400, 503, "hang"])
async def test_an_edit_that_fails_is_logged_and_changes_nothing(
    http: HttpClient, inbox: HttpInbox, answer: Any, caplog: pytest.LogCaptureFixture
) -> None:
    bot = channel(http, inbox)
    first = await bot.send(to_group(FAILED))
    inbox.script(GROUP, 200, answer)
    receipt = await bot.send(to_group(FIXED, Thread(first.ref, updated(FAILED, FIXED))))
    assert receipt.detail == "sent"
    assert len(inbox.received()) == 3
    assert [record.levelno for record in caplog.records if "editMessageText" in record.getMessage()] == [logging.WARNING]


async def test_an_edit_that_changes_nothing_is_no_failure(
    http: HttpClient, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    bot = channel(http, inbox)
    first = await bot.send(to_group(FAILED))
    await bot.send(to_group(FIXED, Thread(first.ref, FAILED)))
    assert not [record for record in caplog.records if "editMessageText" in record.getMessage()]


async def test_what_was_told_in_another_chat_is_not_answered_in_this_one(http: HttpClient, inbox: HttpInbox) -> None:
    bot = channel(http, inbox)
    await bot.send(to_group(FIXED, Thread("42/1", updated(FAILED, FIXED))))
    assert "reply_parameters" not in inbox.received(GROUP)[0].body


async def test_a_first_message_that_somebody_deleted_keeps_nothing_back(http: HttpClient, inbox: HttpInbox) -> None:
    bot = channel(http, inbox)
    await bot.send(to_group(FIXED, Thread(f"{GROUP}/999999", updated(FAILED, FIXED))))
    assert len(inbox.received()) == 1


async def test_a_long_message_comes_in_parts_in_the_same_topic(http: HttpClient, inbox: HttpInbox) -> None:
    log = "\n".join(f"line {number} {'😀' * 100}" for number in range(25))
    await channel(http, inbox, thread_id="7").send(to_group(Message(event("custom.x"), "api FAILED", "it broke", code=log)))
    first, second = inbox.received()
    assert first.body["message_thread_id"] == second.body["message_thread_id"] == 7
    assert "line 24 " in second.reading.code
    assert [got.body.get("disable_notification", False) for got in (first, second)] == [False, True]


async def test_parts_that_fail_do_not_repeat_the_first(http: HttpClient, inbox: HttpInbox) -> None:
    log = "\n".join(f"line {number} {'😀' * 100}" for number in range(25))
    inbox.script(GROUP, 200, 503)
    receipt = await channel(http, inbox).send(to_group(Message(event("custom.x"), "api FAILED", "it broke", code=log)))
    assert receipt.ref.endswith(f"/{inbox.received()[0].number}")


async def test_a_group_that_moved_is_followed_from_then_on(
    http: HttpClient, inbox: HttpInbox, caplog: pytest.LogCaptureFixture
) -> None:
    bot = channel(http, inbox, id=str(telegram.OLD_GROUP))
    receipts = [await bot.send(to_group(FAILED)) for _ in range(2)]
    assert [got.recipient for got in inbox.received()] == [str(telegram.NEW_GROUP)] * 2
    assert all(receipt.ref.startswith(f"{telegram.NEW_GROUP}/") for receipt in receipts)
    (said,) = [record for record in caplog.records if "upgraded" in record.getMessage()]
    assert str(telegram.NEW_GROUP) in vars(said)["hint"]


async def test_a_topic_that_is_gone_does_not_keep_the_message_back(http: HttpClient, inbox: HttpInbox) -> None:
    await channel(http, inbox, thread_id=str(telegram.LOST_TOPIC)).send(to_group(FAILED))
    (got,) = inbox.received()
    assert "message_thread_id" not in got.body


async def test_tags_that_cannot_be_read_are_left_out(http: HttpClient, inbox: HttpInbox) -> None:
    refusal = '{"ok": false, "error_code": 400, "description": "Bad Request: can\'t parse entities: Unsupported start tag"}'
    inbox.script(GROUP, {"status": 400, "text": refusal}, 200)
    await channel(http, inbox).send(to_group(FAILED))
    got = inbox.received()[-1]
    assert "parse_mode" not in got.body
    assert got.body["text"].startswith("api FAILED (1st after 14 ok)\nTS2345: Argument of type 'string'")


@pytest.mark.parametrize(
    ("chat", "outcome", "hint"),
    [
        ("404", Outcome.PERMANENT, "press Start"),
        ("4030", Outcome.PERMANENT, "unblock"),
        ("-4033", Outcome.PERMANENT, "add the bot"),
    ],
)
async def test_a_refusal_is_told_with_what_to_do(
    http: HttpClient, inbox: HttpInbox, chat: str, outcome: Outcome, hint: str
) -> None:
    with pytest.raises(ChannelError, match=r"^Telegram 40[03]: ") as caught:
        await channel(http, inbox, id=chat).send(to_group(FAILED))
    assert caught.value.outcome is outcome
    assert hint in caught.value.hint


@pytest.mark.parametrize("token", ["110201543:another-canary-token", "canary-token"])
async def test_a_token_that_is_refused_holds_the_channel_and_is_not_shown(
    http: HttpClient, inbox: HttpInbox, token: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    bot = channel(http, inbox, token=token)
    with pytest.raises(ChannelError) as caught:
        await bot.send(to_group(FAILED))
    assert caught.value.outcome is Outcome.HOLD
    ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
    assert not [text for text in [str(caught.value), caught.value.hint, repr(bot), repr(vars(bot)), *ours] if "canary" in text]


async def test_a_chat_that_left_the_configuration_gets_nothing(http: HttpClient, inbox: HttpInbox) -> None:
    with pytest.raises(ChannelError, match="no chat") as caught:
        await channel(http, inbox).send(outgoing(FAILED, "telegram:Former"))
    assert caught.value.outcome is Outcome.PERMANENT
