"""Has Discord call an application: `POST /discord/send`; takes its commands, and its answers that come later.

Source: Discord "Application Commands" (bulk overwrite), "Receiving and Responding to Interactions" (the token is good for 15
minutes).
"""

from __future__ import annotations

import itertools
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.discord import sender
from buildnet_cli.sandbox.discord.form import refusal_of
from buildnet_cli.sandbox.discord.message import shown, snowflake
from buildnet_cli.sandbox.discord.routes import PROVIDER, refusal_of_bot
from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.sending import send, wanted

_API: Final = "/discord/api/v10"
_LIFETIME = timedelta(minutes=15)
_MOST_OPEN = 1_000
_MESSAGE, _CHANGE = 4, 7
_NAME = re.compile(r"[-_a-z0-9]{1,32}", re.ASCII)
_MOST_OPTIONS = 25
_LONGEST_DESCRIPTION = 100


def routes(front: Front) -> Sequence[Route]:
    """What a test asks for, and what an application sends. They stand before the routes of webhooks, whose shape is the same."""
    discord = _Interactions(front)
    application = f"{_API}/applications/{sender.APPLICATION_ID}"
    return [
        Route("/discord/send", discord.send, methods=["POST"]),
        Route(f"{application}/commands", discord.commands, methods=["GET", "PUT"]),
        Route(f"{application}/guilds/{sender.GUILD_ID}/commands", discord.commands, methods=["GET", "PUT"]),
        Route(f"{_API}/webhooks/{sender.APPLICATION_ID}/{{token}}/messages/@original", discord.edit, methods=["PATCH"]),
    ]


@dataclass(frozen=True, slots=True)
class _Open:
    id: str
    room: str
    asked_at: datetime


class _Interactions:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._counter = itertools.count()
        self._open: dict[str, _Open] = {}
        self._registered: dict[str, list[dict[str, Any]]] = {}

    async def send(self, request: Request) -> Response:
        """`{url, kind, …}`, as for `sender.request_for`, with `id` to send one again and `flaw` to forge it."""
        wish, now = await wanted(request), self._front.clock.now()
        id = str(wish.get("id") or snowflake(now, next(self._counter)))
        room, token = str(wish.get("channel") or "987654321"), secrets.token_urlsafe(48)
        registered = [command for commands in self._registered.values() for command in commands]
        body = sender.request_for(wish, id, token, registered)
        self._remember(token, _Open(id, room, now))
        answer = await send(wish, body, "application/json", now, sender.signed)
        answer["id"] = id
        data = _message_in(answer)
        if data is not None:
            refusal = refusal_of(data)
            if refusal is None:
                self._front.keep(room, "POST", {}, data, provider=PROVIDER)
            else:
                answer["refused"] = refusal
        return JSONResponse(answer)

    async def commands(self, request: Request) -> Response:
        refusal = refusal_of_bot(request)
        if refusal is not None:
            return refusal
        place = request.url.path
        if request.method == "PUT":
            given = parsed(await read_body(request))
            flaw = _flaw_of_commands(given)
            if flaw:
                return JSONResponse({"code": 50035, "message": "Invalid Form Body", "errors": {"_errors": [flaw]}}, 400)
            self._registered[place] = given
        return JSONResponse(self._registered.get(place, []))

    async def edit(self, request: Request) -> Response:
        body = parsed(await read_body(request))
        found, now = self._open.get(request.path_params["token"]), self._front.clock.now()
        if found is None or now > found.asked_at + _LIFETIME:
            return JSONResponse({"message": "Unknown Webhook", "code": 10015}, 404)
        body = body if isinstance(body, dict) else {}
        refusal = refusal_of(body)
        if refusal is not None:
            return JSONResponse(refusal, 400)
        await self._front.take(request, found.room, body, provider=PROVIDER)
        return JSONResponse(shown(found.id, found.room, body, found.asked_at, edited_at=now, webhook=sender.APPLICATION_ID))

    def _remember(self, token: str, opened: _Open) -> None:
        if len(self._open) >= _MOST_OPEN:
            del self._open[next(iter(self._open))]
        self._open[token] = opened


def _message_in(answer: Mapping[str, Any]) -> dict[str, Any] | None:
    """The message that an answer shows at once; None if it shows none."""
    said = answer["body"]
    if answer["status"] != 200 or not isinstance(said, dict) or said.get("type") not in (_MESSAGE, _CHANGE):
        return None
    data = said.get("data")
    return data if isinstance(data, dict) else {}


def _flaw_of_commands(given: Any) -> str:
    """What Discord refuses of commands and their options; empty if it takes them."""
    if not isinstance(given, list) or len(given) > _MOST_OPTIONS:
        return f"Must be a list of at most {_MOST_OPTIONS}."
    has_optional = False
    for part in given:
        if not isinstance(part, dict) or not _NAME.fullmatch(str(part.get("name"))):
            return "Command name is invalid"
        if not 1 <= len(str(part.get("description") or "")) <= _LONGEST_DESCRIPTION:
            return f"Must be between 1 and {_LONGEST_DESCRIPTION} in length."
        if part.get("required") and has_optional:
            return "Required options must be placed before non-required options"
        has_optional = has_optional or part.get("required") is False
        flaw = _flaw_of_commands(part.get("options") or [])
        if flaw:
            return flaw
    return ""
