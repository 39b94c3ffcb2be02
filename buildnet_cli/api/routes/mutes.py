"""Mutes. These routes are the local terminal's; over TCP they do not exist."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, only_on_socket, read_object, services_of
from buildnet_cli.commands.model import Level


async def listed(request: Request) -> Response:
    """The mutes that have not ended."""
    only_on_socket(request)
    caller(request, Level.READ)
    return JSONResponse({"items": await services_of(request).mutes.items(), "next": None})


async def add(request: Request) -> Response:
    """Mute a pattern for a while; the answer says what it would have hidden."""
    only_on_socket(request)
    principal = caller(request, Level.ADMIN)
    return JSONResponse(await services_of(request).mutes.add(await read_object(request), str(principal)), 201)


async def remove(request: Request) -> Response:
    """End a mute now."""
    only_on_socket(request)
    caller(request, Level.ADMIN)
    return JSONResponse(await services_of(request).mutes.remove(request.path_params["id"]))


ROUTES = [("GET", "/api/mutes", listed), ("POST", "/api/mutes", add), ("POST", "/api/mutes/{id}/remove", remove)]
