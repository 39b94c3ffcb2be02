"""Health and status."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from buildnet_cli import __version__
from buildnet_cli.api.requests import caller, services_of
from buildnet_cli.commands.model import Level


async def health(request: Request) -> Response:
    """Whether the agent answers; open to everybody who reaches it."""
    return JSONResponse({"status": "ok", "service": "buildnet-notify", "version": __version__})


async def status(request: Request) -> Response:
    """The agent's status: JSON, or ready text for a terminal that asks for text/plain."""
    caller(request, Level.READ)
    page = await services_of(request).status()
    if request.headers.get("accept") == "text/plain":
        return PlainTextResponse(page.text)
    return Response(page.body, media_type="application/json")


ROUTES = [("GET", "/health", health), ("GET", "/api/status", status)]
