"""The agent itself. These routes are the local terminal's; over TCP they do not exist."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, only_on_socket, services_of
from buildnet_cli.commands.model import Level


async def reload(request: Request) -> Response:
    """Read the configuration again; a wrong one is explained and changes nothing."""
    only_on_socket(request)
    caller(request, Level.ADMIN)
    return JSONResponse(await services_of(request).reload())


async def stop(request: Request) -> Response:
    """End the agent; the answer goes out before it does."""
    only_on_socket(request)
    caller(request, Level.ADMIN)
    return JSONResponse(await services_of(request).stop(), 202)


ROUTES = [("POST", "/api/agent/reload", reload), ("POST", "/api/agent/stop", stop)]
