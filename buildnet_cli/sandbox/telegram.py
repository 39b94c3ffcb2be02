"""Stands in for Telegram's Bot API: a bot that writes to chats, and is refused what Telegram refuses, in its words.

Source: Telegram Bot API "Making requests", "sendMessage", "editMessageText"; the texts are those of its server.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.reading import Reading
from buildnet_cli.sandbox.telegram_answer import Method, Params, RefusedError, error, scripted
from buildnet_cli.sandbox.telegram_markup import MarkupError, Parsed, parse_html, part
from buildnet_cli.sandbox.telegram_updates import Updates

PROVIDER: Final = "telegram"
PREFIX: Final = "/telegram"
"""What a `base_url` for this stand-in ends in."""

TOKEN: Final = "110201543:telegram-sandbox-token-0000000000000"  # noqa: S105  (nobody else takes it)
OLD_GROUP: Final = -4242
"""A group that has become a supergroup."""
NEW_GROUP: Final = -1004242424242
LOST_TOPIC: Final = 404
"""A `message_thread_id` that is in no chat."""

CHAT_FLAWS: Final[Mapping[int, tuple[int, str]]] = {
    404: (400, "Bad Request: chat not found"),
    4030: (403, "Forbidden: bot was blocked by the user"),
    4031: (403, "Forbidden: user is deactivated"),
    4032: (403, "Forbidden: bot can't initiate conversation with a user"),
    -4033: (403, "Forbidden: bot was kicked from the group chat"),
    -4034: (403, "Forbidden: the group chat was deleted"),
    -1004035: (403, "Forbidden: bot is not a member of the supergroup chat"),
    -1004036: (400, "Bad Request: not enough rights to send text messages to the chat"),
}
"""Chats that are never written to, with status and description."""

_BOT: Final = {"id": 110201543, "is_bot": True, "first_name": "BuildNet", "username": "buildnet_sandbox_bot"}
_MOST_UNITS = 4_096
_OBJECTS: Final = frozenset(
    {"reply_parameters", "link_preview_options", "reply_markup", "entities", "allowed_updates", "commands"}
)


def routes(front: Front) -> Sequence[BaseRoute]:
    """`{PREFIX}/bot{token}/{method}`, and `{PREFIX}/say` for whoever plays the person that writes to the bot."""
    updates = Updates(front)
    bot = _Bot(front, updates)
    return (
        Route(f"{PREFIX}/bot{{token}}/{{method}}", bot.call, methods=["GET", "POST"]),
        Route(f"{PREFIX}/say", updates.say, methods=["POST"]),
    )


class _Bot:
    def __init__(self, front: Front, updates: Updates) -> None:
        self._front = front
        self._methods: Mapping[str, Method] = {
            **updates.methods(),
            "getme": self._get_me,
            "sendmessage": self._send,
            "editmessagetext": self._edit,
        }

    async def call(self, request: Request) -> Response:
        params = await _params(request)
        try:
            _authenticate(request.path_params["token"])
            method = self._methods.get(request.path_params["method"].lower())
            if method is None:
                raise RefusedError(404, "Not Found: method not found")
            result = await method(request, params)
        except RefusedError as refused:
            return error(refused)
        return result if isinstance(result, Response) else JSONResponse({"ok": True, "result": result})

    async def _get_me(self, _request: Request, _params: Params) -> Any:
        return {**_BOT, "can_join_groups": True, "can_read_all_group_messages": False, "supports_inline_queries": False}

    async def _send(self, request: Request, params: Params) -> Any:
        chat_id, text = _chat(params), _text(params)
        if params.get("message_thread_id") in (LOST_TOPIC, str(LOST_TOPIC)):
            raise RefusedError(400, "Bad Request: message thread not found")
        answered = self._answered(chat_id, params)
        received, answer = await self._front.take(
            request,
            str(chat_id),
            dict(params),
            provider=PROVIDER,
            reading=_reading(text, is_silent=params.get("disable_notification") in (True, "true")),
            thread=answered,
        )
        return scripted(answer) or self._message(received, received.number, text)

    async def _edit(self, request: Request, params: Params) -> Any:
        chat_id, text = _chat(params), _text(params)
        number = _number(params.get("message_id"))
        current = self._current(chat_id, number)
        if current is None:
            raise RefusedError(400, "Bad Request: message to edit not found")
        if _text(current.body) == text:
            raise RefusedError(
                400,
                "Bad Request: message is not modified: specified new message content and reply markup are exactly the same "
                "as a current content and reply markup of the message",
            )
        received, answer = await self._front.take(
            request, str(chat_id), dict(params), provider=PROVIDER, reading=_reading(text), replaces=number
        )
        edited = {"edit_date": int(received.received_at.timestamp())}
        return scripted(answer) or {**self._message(received, number, text), **edited}

    def _current(self, chat_id: int | str, number: int) -> Received | None:
        """The newest state of a message; None if there is no such message in the chat."""
        states = [
            each
            for each in self._front.inbox.messages()
            if each.provider == PROVIDER
            and each.recipient == str(chat_id)
            and each.answered < 300
            and number == (each.replaces or each.number)
        ]
        return states[-1] if states else None

    def _answered(self, chat_id: int | str, params: Params) -> int:
        reply = params.get("reply_parameters")
        if not isinstance(reply, dict):
            return 0
        number = _number(reply.get("message_id"))
        if self._current(chat_id, number) is not None:
            return number
        if reply.get("allow_sending_without_reply") is True:
            return 0
        raise RefusedError(400, "Bad Request: message to be replied not found")

    def _message(self, received: Received, number: int, text: Parsed) -> dict[str, Any]:
        topic = _number(received.body.get("message_thread_id"))
        return {
            "message_id": number,
            "from": _BOT,
            "chat": _chat_object(received.recipient),
            "date": int(received.received_at.timestamp()),
            "text": text.text.strip(),
            **({"entities": list(text.entities)} if text.entities else {}),
            **({"message_thread_id": topic, "is_topic_message": True} if topic else {}),
        }


async def _params(request: Request) -> Params:
    """From the query, a form whose objects are JSON, or JSON."""
    body = await read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        value = parsed(body)
        given = value if isinstance(value, dict) else {}
    else:
        fields = dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True))
        given = {name: parsed(text.encode()) if name in _OBJECTS else text for name, text in fields.items()}
    return {**request.query_params, **given}


def _authenticate(token: str) -> None:
    if not re.fullmatch(r"[0-9]+:[A-Za-z0-9_-]+", token):
        raise RefusedError(404, "Not Found")
    if not hmac.compare_digest(token.encode(), TOKEN.encode()):
        raise RefusedError(401, "Unauthorized")


def _chat(params: Params) -> int | str:
    given = str(params.get("chat_id", ""))
    if not given:
        raise RefusedError(400, "Bad Request: chat_id is empty")
    if re.fullmatch(r"@[A-Za-z]\w{3,31}", given):
        return given
    if not re.fullmatch(r"-?[0-9]{1,19}", given):
        raise RefusedError(400, "Bad Request: chat not found")
    chat_id = int(given)
    if chat_id == OLD_GROUP:
        raise RefusedError(400, "Bad Request: group chat was upgraded to a supergroup chat", migrate_to_chat_id=NEW_GROUP)
    if chat_id in CHAT_FLAWS:
        raise RefusedError(*CHAT_FLAWS[chat_id])
    return chat_id


def _text(params: Params) -> Parsed:
    source, mode = params.get("text", ""), params.get("parse_mode", "")
    if mode not in ("", "HTML"):
        raise RefusedError(400, "Bad Request: unsupported parse_mode")
    try:
        found = parse_html(str(source)) if mode else Parsed(str(source))
    except MarkupError as exc:
        raise RefusedError(400, f"Bad Request: can't parse entities: {exc}") from None
    if not found.text.strip():
        raise RefusedError(400, "Bad Request: message text is empty")
    if found.units > _MOST_UNITS:
        raise RefusedError(400, "Bad Request: message is too long")
    return found


def _number(value: Any) -> int:
    return int(value) if re.fullmatch(r"[0-9]{1,15}", str(value)) else 0


def _chat_object(recipient: str) -> dict[str, Any]:
    if recipient.startswith("@"):
        return {"id": -1001000000000, "type": "channel", "title": recipient[1:], "username": recipient[1:]}
    if not recipient.startswith("-"):
        return {"id": int(recipient), "type": "private", "first_name": f"User {recipient}"}
    return {"id": int(recipient), "type": "supergroup" if recipient.startswith("-100") else "group", "title": f"Chat {recipient}"}


def _reading(text: Parsed, *, is_silent: bool = False) -> Reading:
    code, was = _marked(text, "pre"), _marked(text, "strikethrough")
    title, *lines = (text.text.replace(code, "", 1) if code else text.text).strip().splitlines()
    title = title.removesuffix(was).rstrip() or title
    pairs = [line.partition(": ") for line in lines[1:] if ": " in line]
    rest = [line for line in lines[1:] if line.strip() and ": " not in line]
    fields = tuple((label, value) for label, _, value in pairs)
    note = " · ".join([*rest, *(["silent"] if is_silent else [])])
    return Reading("telegram", title, lines[0] if lines else "", fields, code, note, was)


def _marked(text: Parsed, kind: str) -> str:
    return "\n".join(part(text, entity) for entity in text.entities if entity["type"] == kind)
