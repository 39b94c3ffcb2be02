"""What has been: events, builds and commands, newest first, in pages."""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, read_limit, services_of
from buildnet_cli.commands.model import Level
from buildnet_cli.store import history
from buildnet_cli.store.page import Page


async def events(request: Request) -> Response:
    """Past events; `type` takes a pattern."""
    return await _page(request, history.events, pattern="type", subject="subject", since="since")


async def builds(request: Request) -> Response:
    """Builds of any state; `run` for those of one request."""
    return await _page(request, history.builds, package="package", run_id="run", since="since")


async def commands(request: Request) -> Response:
    """Past commands, refused ones too."""
    return await _page(request, history.commands)


async def audited(request: Request) -> Response:
    """The audit, in the specification's form; for administrators."""
    return await _page(request, history.audited, Level.ADMIN, channel="channel")


async def _page(request: Request, query: Any, level: Level = Level.READ, **members: str) -> Response:
    """members: argument of the query → member of the request's query."""
    caller(request, level)
    limit = read_limit(request)
    given = {name: request.query_params.get(member) for name, member in {**members, "cursor": "cursor"}.items()}
    page: Page[dict[str, Any]] = await services_of(request).store.read(lambda db: query(db, limit=limit, **given))
    return JSONResponse({"items": page.items, "next": page.next})


ROUTES = [
    ("GET", "/api/notifications/events", events),
    ("GET", "/api/builds", builds),
    ("GET", "/api/commands/history", commands),
    ("GET", "/api/audit", audited),
]
