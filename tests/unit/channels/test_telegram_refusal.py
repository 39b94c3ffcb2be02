"""What Telegram's answers mean, row by row, and what is mended at once."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildnet_cli.channels.telegram import refusal
from buildnet_cli.channels.telegram.amend import amended
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON

RETRY, PERMANENT, HOLD = Outcome.RETRY, Outcome.PERMANENT, Outcome.HOLD


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "api.telegram.org", NOON)


def told(status: int, description: str, **parameters: Any) -> Answer:
    body = {"ok": False, "error_code": status, "description": description}
    return answer(status, json.dumps({**body, "parameters": parameters} if parameters else body))


def refused(given: Answer) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        refusal.check(given, refusal.read(given))
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize(
    "given",
    [
        answer(200, '{"ok": true, "result": {"message_id": 5}}'),
        answer(200, '{"ok": true, "result": true}'),
        told(400, "Bad Request: message is not modified: specified new message content and reply markup are exactly the same"),
    ],
)
def test_what_was_done_is_no_refusal(given: Answer) -> None:
    refusal.check(given, refusal.read(given))


@pytest.mark.parametrize(
    ("given", "outcome", "hint"),
    [
        (told(400, "Bad Request: chat not found"), PERMANENT, "press Start"),
        (told(400, "Bad Request: message thread not found"), PERMANENT, "thread_id"),
        (told(400, "Bad Request: TOPIC_CLOSED"), PERMANENT, "topic"),
        (told(400, "Bad Request: group chat was upgraded to a supergroup chat"), PERMANENT, "new id"),
        (told(400, "Bad Request: not enough rights to send text messages to the chat"), PERMANENT, "post"),
        (told(400, "Bad Request: have no rights to send a message"), PERMANENT, "post"),
        (told(400, "Bad Request: need administrator rights in the channel chat"), PERMANENT, "administrator"),
        (told(400, "Bad Request: message is too long"), PERMANENT, ""),
        (told(400, "Bad Request: message text is empty"), PERMANENT, ""),
        (told(400, "Bad Request: can't parse entities: Unsupported start tag"), PERMANENT, ""),
        (told(401, "Unauthorized"), HOLD, "bot_token"),
        (told(403, "Forbidden: bot was blocked by the user"), PERMANENT, "unblock"),
        (told(403, "Forbidden: user is deactivated"), PERMANENT, "remove"),
        (told(403, "Forbidden: bot was kicked from the group chat"), PERMANENT, "add the bot"),
        (told(403, "Forbidden: bot was kicked from the supergroup chat"), PERMANENT, "add the bot"),
        (told(403, "Forbidden: bot was kicked from the channel chat"), PERMANENT, "add the bot"),
        (told(403, "Forbidden: bot is not a member of the channel chat"), PERMANENT, "add the bot"),
        (told(403, "Forbidden: bot can't initiate conversation with a user"), PERMANENT, "Start"),
        (told(403, "Forbidden: bot can't send messages to bots"), PERMANENT, "bot's id"),
        (told(403, "Forbidden: the group chat was deleted"), PERMANENT, "remove"),
        (told(403, "Forbidden: something new"), PERMANENT, "chat"),
        (told(404, "Not Found"), HOLD, "bot_token"),
        (told(409, "Conflict: terminated by other getUpdates request"), PERMANENT, ""),
        (told(413, "Request Entity Too Large"), PERMANENT, ""),
        (told(429, "Too Many Requests: retry after 5"), RETRY, ""),
        (told(500, "Internal Server Error"), RETRY, ""),
        (answer(502, "<html>Bad Gateway"), RETRY, ""),
        (answer(400, "<html>proxy"), PERMANENT, ""),
        (answer(302, ""), PERMANENT, "final address"),
        (answer(200, "<html>sign in"), RETRY, ""),
        (answer(200, '{"ok": "yes"}'), RETRY, ""),
        (answer(200, "[" * 60_000), RETRY, ""),
    ],
)
def test_a_refusal_says_what_becomes_of_the_message(given: Answer, outcome: Outcome, hint: str) -> None:
    error = refused(given)
    assert (error.outcome, error.status) == (outcome, given.status)
    assert hint in error.hint


def test_it_is_told_in_telegrams_words_whatever_their_case() -> None:
    error = refused(told(403, "Forbidden: Bot was blocked by the User"))
    assert error.message == "Telegram 403: Forbidden: Bot was blocked by the User"
    assert "unblock" in error.hint


@pytest.mark.parametrize(
    ("parameters", "header", "expected"),
    [({"retry_after": 35}, "", 35), ({"retry_after": 35}, "7", 35), ({}, "7", 7), ({"retry_after": "x"}, "7", 7), ({}, "", None)],
)
def test_the_delay_is_in_the_parameters_or_in_the_header(parameters: dict[str, Any], header: str, expected: float | None) -> None:
    given = told(429, "Too Many Requests", **parameters)
    headers = {"retry-after": header} if header else {}
    assert refused(Answer(429, headers, given.text, given.host, NOON)).retry_after_secs == expected


PARAMS: dict[str, Any] = {
    "chat_id": -42,
    "text": "<b>a &lt; b</b>",
    "parse_mode": "HTML",
    "message_thread_id": 7,
    "reply_parameters": {"message_id": 3},
}


def test_a_group_that_moved_is_followed_and_nothing_in_it_is_answered() -> None:
    moved = refusal.read(told(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-10042))
    better = amended(PARAMS, moved)
    assert better is not None
    assert better["chat_id"] == -10042
    assert "reply_parameters" not in better
    assert amended(better, moved) is None


def test_a_message_in_a_group_that_moved_is_not_edited_in_the_new_one() -> None:
    moved = refusal.read(told(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=-10042))
    assert amended({"chat_id": -42, "message_id": 3, "text": "x"}, moved) is None


def test_a_topic_that_is_gone_and_tags_that_cannot_be_read_are_left_out_once() -> None:
    lost, unreadable = "Bad Request: message thread not found", "Bad Request: can't parse entities: Unexpected end tag"
    without_topic = amended(PARAMS, refusal.read(told(400, lost)))
    assert without_topic is not None
    assert "message_thread_id" not in without_topic
    assert amended(without_topic, refusal.read(told(400, lost))) is None
    as_text = amended(without_topic, refusal.read(told(400, unreadable)))
    assert as_text is not None
    assert as_text["text"] == "a < b"
    assert "parse_mode" not in as_text
    assert amended(as_text, refusal.read(told(400, unreadable))) is None


@pytest.mark.parametrize("description", ["Bad Request: chat not found", "Forbidden: bot was blocked by the user", ""])
def test_what_cannot_be_mended_is_left(description: str) -> None:
    assert amended(PARAMS, refusal.read(told(400, description))) is None
