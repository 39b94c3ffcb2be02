"""What somebody wrote to the bot, or pressed: an update, from the webhook or asked for. Pure.

Source: Telegram Bot API "Update", "Message", "CallbackQuery"; "setWebhook" (`X-Telegram-Bot-Api-Secret-Token` is its only proof).
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

HEADER: Final = "x-telegram-bot-api-secret-token"

# An anonymous administrator, a channel that writes as itself, and Telegram's own notes: each of them may be anybody.
_NOBODY: Final = frozenset({1087968824, 136817688, 777000})
# `/status@buildnet_bot api`. A command in the menu has no blank: `/cache_stats`.
_COMMAND = re.compile(r"/(?P<word>[A-Za-z0-9_]{1,32})(?:@(?P<bot>[A-Za-z0-9_]{1,64}))?(?=\s|$)")
_LARGEST_ID = 1 << 63


@dataclass(frozen=True, slots=True)
class Press:
    """A button that somebody pressed.

    said: what the button stands for. press_id: what has to be answered, or their phone goes on waiting.
    """

    said: Inbound
    press_id: str


@dataclass(frozen=True, slots=True)
class Ignored:
    """An update that is no command, whoever it is from. Telegram is told that all is well, or it would send it again."""

    update_id: int
    reason: str


def read_webhook(telegram: Telegram, bot_name: str, headers: Mapping[str, str], body: bytes) -> Inbound | Press | Ignored:
    """What Telegram posted to us.

    bot_name: our own, without the @. headers: by lower-case name.
    Raises ForgedError without the configured secret, and if none is configured; UsageError if the body is no update.
    """
    secret = telegram.webhook_secret.get_secret_value() if telegram.webhook_secret is not None else ""
    given = headers.get(HEADER, "").encode("utf-8", "replace")
    if not hmac.compare_digest(given, secret.encode()) or not secret:
        raise ForgedError("the request does not hold Telegram's secret token")
    try:
        update = json.loads(body)
    except (ValueError, RecursionError):
        raise UsageError("the body is no update of Telegram's") from None
    return read_update(update, bot_name)


def read_update(update: Any, bot_name: str) -> Inbound | Press | Ignored:
    """What an update says. bot_name: our own, without the @. Raises UsageError if it is none."""
    update_id = update_id_of(update)
    if isinstance(message := update.get("message"), dict):
        return _message(update_id, message, bot_name)
    if isinstance(query := update.get("callback_query"), dict):
        return _press(update_id, query)
    return Ignored(update_id, "it is neither a new message nor a pressed button")


def update_id_of(update: Any) -> int:
    """By which Telegram counts. Raises UsageError if it is no update."""
    number = _id(update.get("update_id")) if isinstance(update, dict) else None
    if number is None:
        raise UsageError("this is no update of Telegram's", where="update_id")
    return number


def _message(update_id: int, message: Mapping[str, Any], bot_name: str) -> Inbound | Ignored:
    text = message.get("text")
    if any(name.startswith("forward_") for name in message) or message.get("is_automatic_forward"):
        return Ignored(update_id, "it is forwarded: somebody else's words")
    if "sender_chat" in message:
        return Ignored(update_id, "it is written in the name of a chat")
    if "via_bot" in message:
        return Ignored(update_id, "it is written by another bot")
    if not isinstance(text, str):
        return Ignored(update_id, "it has no text")
    command = _COMMAND.match(text)
    if command is not None and command["bot"] is not None and command["bot"].lower() != bot_name.lower():
        return Ignored(update_id, "it is for another bot")
    if command is not None:
        text = f"/{command['word'].replace('_', ' ')}{text[command.end() :]}"
    return _inbound(update_id, message.get("from"), message, text)


def _press(update_id: int, query: Mapping[str, Any]) -> Press | Ignored:
    message, data, press_id = query.get("message"), query.get("data"), query.get("id")
    if not isinstance(message, dict) or not isinstance(data, str) or not isinstance(press_id, str):
        return Ignored(update_id, "the button is not one of ours")
    said = _inbound(update_id, query.get("from"), message, data)
    return Press(said, press_id) if isinstance(said, Inbound) else said


def _inbound(update_id: int, sender: Any, message: Mapping[str, Any], text: str) -> Inbound | Ignored:
    chat = message.get("chat")
    chat_id = _id(chat.get("id"), may_be_negative=True) if isinstance(chat, dict) else None
    number = _id(message.get("message_id"))
    user_id = _id(sender.get("id")) if isinstance(sender, dict) else None
    if not user_id or user_id in _NOBODY or sender.get("is_bot") is not False:
        return Ignored(update_id, "nobody in particular wrote it")
    if chat_id is None or number is None:
        return Ignored(update_id, "it is in no chat")
    return Inbound(
        channel="telegram",
        identifier=str(user_id),
        text=_written(text),
        message_id=str(update_id),
        reply_to=Address("telegram", str(chat_id), f"{chat_id}/{number}"),
        name=_name(sender),
    )


def _name(sender: Mapping[str, Any]) -> str:
    parts = [sender.get(key) for key in ("first_name", "last_name")]
    username = sender.get("username")
    name = f"@{username}" if isinstance(username, str) and username else " ".join(part for part in parts if isinstance(part, str))
    return _written(name)


def _written(text: str) -> str:
    """Text that can be written down: JSON can hold halves of characters."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _id(value: Any, *, may_be_negative: bool = False) -> int | None:
    is_number = isinstance(value, int) and not isinstance(value, bool) and -_LARGEST_ID < value < _LARGEST_ID
    return value if is_number and (value >= 0 or may_be_negative) else None
