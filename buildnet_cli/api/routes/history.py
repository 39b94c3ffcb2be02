"""What has been: events, deliveries, builds and commands, newest first, in pages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, read_limit, services_of
from buildnet_cli.commands.model import Level


async def events(request: Request) -> Response:
    """Past events; `type` takes a pattern."""
    caller(request, Level.READ)
    query = request.query_params
    page = await services_of(request).pages.events(
        limit=read_limit(request),
        cursor=query.get("cursor"),
        pattern=query.get("type"),
        subject=query.get("subject"),
        since=query.get("since"),
    )
    return _page(*page)


async def deliveries(request: Request) -> Response:
    """Deliveries and where they stand."""
    caller(request, Level.READ)
    query = request.query_params
    page = await services_of(request).pages.deliveries(
        limit=read_limit(request),
        cursor=query.get("cursor"),
        status=query.get("status"),
        channel=query.get("channel"),
        event_id=query.get("event"),
    )
    return _page(*page)


async def builds(request: Request) -> Response:
    """Builds of any state."""
    caller(request, Level.READ)
    query = request.query_params
    page = await services_of(request).pages.builds(
        limit=read_limit(request),
        cursor=query.get("cursor"),
        package=query.get("package"),
        run_id=query.get("run"),
        since=query.get("since"),
    )
    return _page(*page)


async def commands(request: Request) -> Response:
    """Past commands, refused ones too."""
    caller(request, Level.READ)
    return _page(*await services_of(request).pages.commands(limit=read_limit(request), cursor=request.query_params.get("cursor")))


def _page(items: list[dict[str, Any]], next_: str | None) -> Response:
    return JSONResponse({"items": items, "next": next_})


ROUTES = [
    ("GET", "/api/notifications/events", events),
    ("GET", "/api/deliveries", deliveries),
    ("GET", "/api/builds", builds),
    ("GET", "/api/commands/history", commands),
]
