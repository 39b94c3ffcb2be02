"""Who wrote what to the bot, by their number; what anybody may have written is left alone."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.telegram.inbound import HEADER, Ignored, Press, read_update, read_webhook
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

BOT = "buildnet_sandbox_bot"
SECRET = "a-secret-that-only-telegram-has_1"
DANA: dict[str, Any] = {"id": 42, "is_bot": False, "first_name": "Dana", "last_name": "Lee", "username": "dana"}
CHAT = {"id": -1001234567890, "type": "supergroup", "title": "Builds"}


def update(text: Any = "/status", **fields: Any) -> dict[str, Any]:
    message = {"message_id": 7, "date": 1, "chat": CHAT, "from": DANA, "text": text}
    return {"update_id": 870000001, "message": {name: value for name, value in (message | fields).items() if value is not None}}


def press(**fields: Any) -> dict[str, Any]:
    message = {"message_id": 9, "date": 1, "chat": CHAT, "from": {"id": 1, "is_bot": True, "first_name": "Bot"}, "text": "Sure?"}
    query = {"id": "4382", "from": DANA, "message": message, "data": "c:7f3a:y"}
    return {"update_id": 870000002, "callback_query": query | fields}


def telegram(secret: str | None = SECRET) -> Telegram:
    return Telegram(bot_token="1:abc", webhook_secret=secret, mode="webhook")


def webhook(body: bytes, given: str | None = SECRET, secret: str | None = SECRET) -> Inbound | Press | Ignored:
    return read_webhook(telegram(secret), BOT, {HEADER: given} if given is not None else {}, body)


def said(text: str) -> str:
    found = read_update(update(text), BOT)
    assert isinstance(found, Inbound), found
    return found.text


def test_a_message_is_its_writers_by_number_and_answered_where_it_stands() -> None:
    assert read_update(update("BUILD api"), BOT) == Inbound(
        channel="telegram",
        identifier="42",
        text="BUILD api",
        message_id="870000001",
        reply_to=Address("telegram", "-1001234567890", "-1001234567890/7"),
        name="@dana",
    )


def test_a_pressed_button_is_its_pressers() -> None:
    found = read_update(press(), BOT)
    assert isinstance(found, Press)
    assert (found.press_id, found.said.identifier, found.said.text) == ("4382", "42", "c:7f3a:y")
    assert found.said.reply_to == Address("telegram", "-1001234567890", "-1001234567890/9")


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("/status", "/status"),
        ("/status@buildnet_sandbox_bot", "/status"),
        ("/BUILD@BuildNet_Sandbox_Bot api@1", "/BUILD api@1"),
        ("/cache_stats", "/cache stats"),
        ("/build my_package", "/build my_package"),
        ("build my_package@buildnet_sandbox_bot", "build my_package@buildnet_sandbox_bot"),
        ("/a.b@c", "/a.b@c"),
        ("\ud800x", "?x"),
    ],
)
def test_a_command_is_read_without_the_bots_name(text: str, read: str) -> None:
    assert said(text) == read


@pytest.mark.parametrize(
    "unheard",
    [
        update("/stop@other_bot"),
        update(None, photo=[{}], caption="/stop"),
        update(**{"from": None}),
        update(**{"from": {**DANA, "id": 1087968824, "is_bot": True}}),
        update(**{"from": {**DANA, "id": 1087968824}}),
        update(**{"from": {**DANA, "id": 777000}}),
        update(**{"from": {**DANA, "is_bot": True}}),
        update(**{"from": {"id": 42}}),
        update(**{"from": {**DANA, "id": "42"}}),
        update(**{"from": {**DANA, "id": True}}),
        update(**{"from": {**DANA, "id": -42}}),
        update(**{"from": {**DANA, "id": 0}}),
        update(**{"from": {**DANA, "id": 42.0}}),
        update(sender_chat=CHAT),
        update(forward_origin={"type": "user"}),
        update(forward_from=DANA),
        update(is_automatic_forward=True),
        update(via_bot={"id": 5}),
        update(chat=None),
        update(chat={"id": "x"}),
        update(message_id=None),
        {"update_id": 1, "edited_message": update()["message"]},
        {"update_id": 1, "channel_post": update()["message"]},
        {"update_id": 1, "edited_channel_post": update()["message"]},
        {"update_id": 1, "business_message": update()["message"]},
        {"update_id": 1, "something_new": {}},
        {"update_id": 1, "message": "text"},
        press(message=None),
        press(data=None),
        press(id=None),
        press(**{"from": None}),
    ],
    ids=lambda update: json.dumps(update)[:60],
)
def test_what_anybody_may_have_written_is_no_command(unheard: dict[str, Any]) -> None:
    found = read_update(unheard, BOT)
    assert isinstance(found, Ignored)
    assert found.update_id == unheard["update_id"]
    assert found.reason


@pytest.mark.parametrize(
    "broken", [None, [], "x", 1, {}, {"update_id": "1"}, {"update_id": True}, {"update_id": -1}, {"update_id": 1e3}]
)
def test_what_is_no_update_is_refused(broken: Any) -> None:
    with pytest.raises(UsageError):
        read_update(broken, BOT)


def test_the_secret_opens_the_webhook() -> None:
    assert isinstance(webhook(json.dumps(update()).encode()), Inbound)


@pytest.mark.parametrize("given", [None, "", SECRET[:-1], SECRET + "1", SECRET.upper(), "é" * 33, "\ud800"])
def test_another_secret_is_refused(given: str | None) -> None:
    with pytest.raises(ForgedError):
        webhook(json.dumps(update()).encode(), given)


@pytest.mark.parametrize("given", [None, "", SECRET])
def test_without_a_configured_secret_nobody_is_let_in(given: str | None) -> None:
    with pytest.raises(ForgedError):
        webhook(json.dumps(update()).encode(), given, secret=None)


@settings(max_examples=1000)
@given(st.text(max_size=40).filter(lambda text: text != SECRET), st.binary(max_size=50))
def test_a_thousand_forged_requests_are_refused(given: str, body: bytes) -> None:
    with pytest.raises(ForgedError):
        webhook(body, given)


@pytest.mark.parametrize("body", [b"", b"\xff", b"[" * 100_000, b"1" * 5_000, b'{"update_id":1'])
def test_a_body_that_is_no_update_is_refused(body: bytes) -> None:
    with pytest.raises(UsageError):
        webhook(body)


_NAMES = ["message", "callback_query", "from", "chat", "id", "text", "data", "is_bot", "message_id", "username"]
_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["message", "callback_query", "from", "chat", "id", "text", "data", "is_bot", "message_id", "username"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from(["message", "callback_query"]), _JSON))
def test_any_update_is_read_or_left_alone_and_nothing_else(fields: dict[str, Any]) -> None:
    assert isinstance(read_update({"update_id": 1, **fields}, BOT), Inbound | Press | Ignored)
