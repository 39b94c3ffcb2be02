"""Has Slack call an app: `POST /slack/send`; and takes the answers that come later, under the address that each call carries.

Source: Slack "Handling user interaction": such an address takes five answers within 30 minutes.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.sending import send, wanted
from buildnet_cli.sandbox.slack import sender
from buildnet_cli.sandbox.slack.form import flaw_of

_PROVIDER: Final = "slack"
_MOST_ANSWERS = 5
_LIFETIME = timedelta(minutes=30)
_MOST_CALLS = 1_000
_ANSWERED_INLINE = ("command",)


def routes(front: Front) -> Sequence[Route]:
    """What a test asks for, and what an app answers later."""
    calls = _Calls(front)
    return [
        Route("/slack/send", calls.send, methods=["POST"]),
        Route("/slack/responses/{token}", calls.respond, methods=["POST"]),
    ]


@dataclass(slots=True)
class _Call:
    room: str
    until: datetime
    answers: int = 0


class _Calls:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._open: dict[str, _Call] = {}

    async def send(self, request: Request) -> Response:
        """`{url, kind, …}`, as for `sender.request_for`, with `id` to send one again and `flaw` to forge it."""
        wish, now = await wanted(request), self._front.clock.now()
        id, token = str(wish.get("id") or f"Ev{secrets.token_hex(6)}"), secrets.token_urlsafe(24)
        body, kind = sender.request_for(wish, id, f"{request.base_url}slack/responses/{token}", now)
        room = str(wish.get("channel") or "C0123456789")
        self._remember(token, _Call(room, now + _LIFETIME))
        answer = await send(wish, body, kind, now, sender.signed)
        answer["id"] = id
        shown = answer["body"]
        if wish.get("kind") in _ANSWERED_INLINE and answer["status"] == 200 and isinstance(shown, dict):
            flaw = flaw_of(shown)
            if flaw is None:
                self._front.keep(room, "POST", {}, shown, provider=_PROVIDER)
            else:
                answer["refused"] = flaw
        return JSONResponse(answer)

    async def respond(self, request: Request) -> Response:
        body = parsed(await read_body(request))
        call = self._open.get(request.path_params["token"])
        if call is None or self._front.clock.now() > call.until:
            return JSONResponse({"ok": False, "error": "expired_url"}, 404)
        if call.answers >= _MOST_ANSWERS:
            return JSONResponse({"ok": False, "error": "used_url"}, 404)
        flaw = flaw_of(body) if isinstance(body, dict) else ("invalid_payload", "")
        if flaw is not None:
            return PlainTextResponse(flaw[0], 400)
        call.answers += 1
        _, answer = await self._front.take(request, call.room, body, provider=_PROVIDER)
        return PlainTextResponse("ok" if answer.text is None else answer.text, answer.status)

    def _remember(self, token: str, call: _Call) -> None:
        if len(self._open) >= _MOST_CALLS:
            del self._open[next(iter(self._open))]
        self._open[token] = call
