"""Slack's Web API under `/slack/api`: who may post where, threads, changes, and refusals as `{"ok": false, "error": "…"}`."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any, Final
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.inbox import Answer
from buildnet_cli.sandbox.posts import Post, Posts
from buildnet_cli.sandbox.slack.form import flaw_of

PROVIDER: Final = "slack"

BOT_TOKEN: Final = "xoxb-sandbox-bot-token"  # noqa: S105  (opens nothing but the sandbox)
"""The one token that is accepted."""

REVOKED_TOKEN: Final = "xoxb-sandbox-revoked-token"  # noqa: S105  (opens nothing but the sandbox)
UNSCOPED_TOKEN: Final = "xoxb-sandbox-token-without-scopes"  # noqa: S105  (opens nothing but the sandbox)

REFUSING: Final = {
    "C0UNKNOWN": "channel_not_found",
    "C0PRIVATE": "not_in_channel",
    "C0ARCHIVED": "is_archived",
    "C0READONLY": "restricted_action_read_only_channel",
    "C0BROKEN": "fatal_error",
}
"""Channels that refuse every message, and with what."""

_ROOM = re.compile(r"#[^\s#@,<>\"]{1,80}|[CGD][A-Z0-9]{2,31}")
_BOT = {"user_id": "U0SANDBOX", "bot_id": "B0SANDBOX", "team_id": "T0SANDBOX"}

# What the real service says of a status, where it has a word for it.
_WORDS = {
    401: "invalid_auth",
    403: "access_denied",
    404: "unknown_method",
    408: "request_timeout",
    429: "ratelimited",
    500: "internal_error",
    503: "service_unavailable",
}


def routes(front: Front) -> Sequence[Route]:
    """The methods that are there; any other is `unknown_method`."""
    slack = _Slack(front)
    return [
        Route("/slack/api/auth.test", slack.test, methods=["GET", "POST"]),
        Route("/slack/api/chat.postMessage", slack.post, methods=["POST"]),
        Route("/slack/api/chat.update", slack.update, methods=["POST"]),
        Route("/slack/api/{method:path}", _unknown_method, methods=["GET", "POST"]),
    ]


class _Slack:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._posts = Posts()
        self._moments = itertools.count(1)

    async def test(self, request: Request) -> Response:
        refusal = _refusal_of(await _arguments(request), request)
        return refusal or JSONResponse({"ok": True, "url": str(request.base_url), "team": "Sandbox", "user": "buildnet", **_BOT})

    async def post(self, request: Request) -> Response:
        arguments = await _arguments(request)
        refusal = _refusal_of(arguments, request) or _refusal_of_message(arguments)
        if refusal is not None:
            return refusal
        name, thread_ts = str(arguments["channel"]), arguments.get("thread_ts")
        room = _id_of(name)
        parent = self._posts.find(room, str(thread_ts)) if thread_ts else None
        if thread_ts and parent is None:
            return _no("thread_not_found")
        message, answer = await self._front.take(
            request, name, arguments, provider=PROVIDER, thread=parent.number if parent is not None else 0
        )
        if answer.status >= 300 or answer.text is not None:
            return _scripted(answer)
        ts = f"{int(self._front.clock.now().timestamp())}.{next(self._moments):06d}"
        self._posts.add(room, Post(ts, message.number, name))
        return JSONResponse({"ok": True, "channel": room, "ts": ts, "message": _shown(arguments, ts)})

    async def update(self, request: Request) -> Response:
        arguments = await _arguments(request)
        refusal = _refusal_of(arguments, request) or _refusal_of_message(arguments)
        if refusal is not None:
            return refusal
        room, ts = str(arguments["channel"]), str(arguments.get("ts"))
        if room.startswith("#"):
            return _no("channel_not_found")  # here, only the id is taken
        first = self._posts.find(room, ts)
        if first is None:
            return _no("message_not_found")
        _, answer = await self._front.take(request, first.recipient, arguments, provider=PROVIDER, replaces=first.number)
        if answer.status >= 300 or answer.text is not None:
            return _scripted(answer)
        return JSONResponse(
            {"ok": True, "channel": room, "ts": ts, "text": arguments.get("text", ""), "message": _shown(arguments, ts)}
        )


async def _arguments(request: Request) -> dict[str, Any]:
    """The arguments of a method, as JSON or as a form; in a form, lists are JSON texts."""
    body = await read_body(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        value = parsed(body)
        return value if isinstance(value, dict) else {}
    fields: dict[str, Any] = dict(parse_qsl(body.decode("utf-8", "replace")))
    for name in ("blocks", "attachments"):
        if name in fields:
            fields[name] = parsed(fields[name].encode())
    return fields


def _refusal_of(arguments: dict[str, Any], request: Request) -> Response | None:
    """Whether the caller may ask at all."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    token = given if scheme == "Bearer" else arguments.pop("token", "")
    if token == BOT_TOKEN:
        return None
    if token == UNSCOPED_TOKEN:
        return _no("missing_scope", needed="chat:write", provided="commands")
    return _no({"": "not_authed", REVOKED_TOKEN: "token_revoked"}.get(token, "invalid_auth"))


def _refusal_of_message(arguments: dict[str, Any]) -> Response | None:
    room = arguments.get("channel")
    if not isinstance(room, str) or not _ROOM.fullmatch(room):
        return _no("channel_not_found")
    if room in REFUSING:
        return _no(REFUSING[room])
    flaw = flaw_of(arguments)
    if flaw is None:
        return None
    error, told = flaw
    return _no(error, **({"errors": [told], "response_metadata": {"messages": [f"[ERROR] {told}"]}} if told else {}))


def _id_of(room: str) -> str:
    """A channel's id: itself, or what its name comes to, the same every time."""
    return f"C{hashlib.sha256(room.encode()).hexdigest()[:10].upper()}" if room.startswith("#") else room


def _shown(arguments: dict[str, Any], ts: str) -> dict[str, Any]:
    kept: dict[str, Any] = {name: arguments[name] for name in ("text", "blocks", "attachments", "thread_ts") if name in arguments}
    return {"type": "message", "user": _BOT["user_id"], "bot_id": _BOT["bot_id"], "ts": ts, "text": "", **kept}


def _no(error: str, **details: Any) -> Response:
    return JSONResponse({"ok": False, "error": error, **details})


def _scripted(answer: Answer) -> Response:
    headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
    if answer.text is not None:
        return PlainTextResponse(answer.text, answer.status, headers)
    body = json.dumps({"ok": False, "error": _WORDS.get(answer.status, "invalid_arguments")})
    return Response(body, answer.status, headers, "application/json; charset=utf-8")


async def _unknown_method(_: Request) -> Response:
    return _no("unknown_method")
