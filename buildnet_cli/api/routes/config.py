"""The configuration over HTTP: seen with its secrets masked, changed by a JSON merge patch."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api.requests import caller, is_on_socket, read_object, services_of
from buildnet_cli.commands.model import Level


async def show(request: Request) -> Response:
    """Every value in force, defaults included; secrets are `***`, and references are shown as they were written."""
    caller(request, Level.READ)
    return JSONResponse(services_of(request).settings.value(""), headers={"Cache-Control": "no-store"})


async def change(request: Request) -> Response:
    """Apply a merge patch (RFC 7386) to the file, at once and for good; the configuration as it is then.

    null removes a key, lists are replaced, `***` keeps the secret that is there. Over TCP, who may ask, secrets, addresses and
    paths are refused (403); what would not load is refused (422). Nothing is changed then.
    """
    caller(request, Level.ADMIN)
    settings = services_of(request).settings
    patch = await read_object(request)
    await settings.merge(patch, is_remote=not is_on_socket(request))
    return JSONResponse(settings.value(""), headers={"Cache-Control": "no-store"})


ROUTES = [("GET", "/api/notifications/config", show), ("POST", "/api/notifications/config", change)]
