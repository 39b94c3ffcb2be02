"""The event stream over WebSocket: `/ws/events`, an event in each message, exactly as on every wire."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Final
from urllib.parse import urlsplit

from starlette.responses import Response
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from buildnet_cli.api import problems
from buildnet_cli.api.auth import UnauthenticatedError, require
from buildnet_cli.api.feed import Wanted, read_wanted
from buildnet_cli.api.requests import check_host, is_on_socket, known_caller, services_of
from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.errors import BuildNetError, DeniedError, Kind

MOST_LISTENERS: Final = 100
AUTH_SECS: Final = 5.0
"""How long a listener without ticket or header has for its first message, `{"auth": KEY}`."""

UNAUTHENTICATED: Final = 4401
FORBIDDEN: Final = 4403
_GOING_AWAY = 1001
_POLICY = 1008
_LONGEST_AUTH = 4096


class EventSocket:
    """Serves listeners, up to a bound."""

    def __init__(self) -> None:
        self._listeners = 0

    async def serve(self, socket: WebSocket) -> None:
        """One listener, until it goes or we do. Query: `type` (patterns, repeated), `priority`, `subject`, `since`, `ticket`."""
        query = socket.query_params
        try:
            check_host(socket)
            _check_origin(socket)
            wanted = read_wanted(query.getlist("type"), query.get("priority"), query.get("subject"), query.get("since"))
            principal = _caller_of(socket)
            if principal is not None:
                require(principal, Level.READ)
            if self._listeners >= MOST_LISTENERS:
                await socket.send_denial_response(_too_many())
                return
        except BuildNetError as exc:
            await socket.send_denial_response(_refusal(exc))
            return
        self._listeners += 1
        try:
            await socket.accept()
            if principal is None and not await _admit(socket):
                return
            await _stream(socket, wanted)
        finally:
            self._listeners -= 1


def _check_origin(socket: WebSocket) -> None:
    """Raises DeniedError for a page that is not ours: a browser lets any page open a WebSocket to anybody."""
    origin = socket.headers.get("origin")
    if origin is None or is_on_socket(socket):
        return
    if (urlsplit(origin).hostname or "") not in services_of(socket).access().hosts:
        raise DeniedError(
            f"pages of {ascii(origin)[1:-1][:80]} may not listen",
            hint="add the name to agent.api.allowed_hosts in the configuration",
        )


def _caller_of(socket: WebSocket) -> Principal | None:
    """Who listens, by the Unix socket, a ticket or a header; None if they have yet to say.

    Raises UnauthenticatedError for a ticket or a key that is none.
    """
    ticket = socket.query_params.get("ticket")
    if ticket is not None:
        principal = services_of(socket).tickets.redeem(ticket)
        if principal is None:
            raise UnauthenticatedError("the ticket is unknown, used or expired", hint="POST /api/ws/ticket gives another one")
        return principal
    is_known = is_on_socket(socket) or "authorization" in socket.headers or "x-api-key" in socket.headers
    return known_caller(socket) if is_known else None


async def _admit(socket: WebSocket) -> bool:
    """Whether the first message proves who listens; the connection is closed if not."""
    try:
        async with asyncio.timeout(AUTH_SECS):
            text = await socket.receive_text()
        require(known_caller(socket, body_key=_key_in(text)), Level.READ)
    except (WebSocketDisconnect, KeyError):
        return False
    except (TimeoutError, UnauthenticatedError):
        await socket.close(UNAUTHENTICATED, 'the first message is {"auth": KEY}')
        return False
    except DeniedError:
        await socket.close(FORBIDDEN, "this key may not read events")
        return False
    return True


def _key_in(text: str) -> str:
    """The key in a first message; empty if there is none."""
    try:
        value = json.loads(text) if len(text) <= _LONGEST_AUTH else None
    except (ValueError, RecursionError):
        return ""
    key = value.get("auth") if isinstance(value, dict) else None
    return key if isinstance(key, str) else ""


async def _stream(socket: WebSocket, wanted: Wanted) -> None:
    sending = asyncio.create_task(_send(socket, wanted))
    leaving = asyncio.create_task(_until_gone(socket))
    await asyncio.wait((sending, leaving), return_when=asyncio.FIRST_COMPLETED)
    for task in (sending, leaving):
        task.cancel()
    await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send(socket: WebSocket, wanted: Wanted) -> None:
    try:
        async with contextlib.aclosing(services_of(socket).feed.follow(wanted)) as feed:
            async for event in feed:
                await socket.send_text(json.dumps(event.as_wire(), ensure_ascii=False, separators=(",", ":")))
        await socket.close(_GOING_AWAY, "the agent stops")
    except BuildNetError as exc:
        await socket.close(_POLICY, exc.message[:100])
    except (WebSocketDisconnect, RuntimeError):
        pass  # it went while we spoke


async def _until_gone(socket: WebSocket) -> None:
    """Listen to a listener: whatever it says is dropped, until it leaves."""
    with contextlib.suppress(WebSocketDisconnect, KeyError, RuntimeError):
        while True:
            await socket.receive_text()


def _too_many() -> Response:
    return problems.problem(503, Kind.FAILED, f"{MOST_LISTENERS} listen already", headers={"Retry-After": "30"})


def _refusal(exc: BuildNetError) -> Response:
    if isinstance(exc, UnauthenticatedError):
        return problems.problem(401, Kind.DENIED, exc.message, hint=exc.hint)
    return problems.problem(problems.STATUS_OF[exc.kind], exc.kind, exc.message, hint=exc.hint, where=exc.where)


def route() -> WebSocketRoute:
    return WebSocketRoute("/ws/events", EventSocket().serve)
