"""Events as they come: a ticket for the WebSocket, and the stream for the local terminal."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator

from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse

from buildnet_cli.api.feed import Feed, Wanted, read_wanted
from buildnet_cli.api.requests import caller, only_on_socket, services_of
from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.model import Level


async def ticket(request: Request) -> Response:
    """A ticket for `/ws/events?ticket=`: good once, within 30 s, for whoever asks."""
    principal = caller(request, Level.READ)
    text, expires_at = services_of(request).tickets.issue(principal)
    return JSONResponse({"ticket": text, "expires_at": to_rfc3339(expires_at)}, headers={"Cache-Control": "no-store"})


async def stream(request: Request) -> Response:
    """The same events as over the WebSocket, a JSON line each, until the terminal goes."""
    only_on_socket(request)
    caller(request, Level.READ)
    query = request.query_params
    wanted = read_wanted(query.getlist("type"), query.get("priority"), query.get("subject"), query.get("since"))
    return StreamingResponse(_lines(services_of(request).feed, wanted), media_type="application/x-ndjson")


async def _lines(feed: Feed, wanted: Wanted) -> AsyncIterator[str]:
    async for event in feed.follow(wanted):
        yield json.dumps(event.as_wire(), ensure_ascii=False) + "\n"


ROUTES = [("POST", "/api/ws/ticket", ticket), ("GET", "/api/events/stream", stream)]
