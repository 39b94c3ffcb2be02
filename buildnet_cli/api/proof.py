"""Requests whose proof of origin is none: refused alike, and written down."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from buildnet_cli.api.services import Services
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import BuildNetError


async def refuse(services: Services, request: Request, channel: str, exc: BuildNetError, *, forged: int = 401) -> Response:
    """Write down that a request was turned away; the answer tells its sender nothing. forged: the status for what is forged."""
    address = request.client.host if request.client is not None else None
    await services.door.turn_away(channel, "", exc.message, address=address, agent=request.headers.get("user-agent"))
    return Response(status_code=forged if isinstance(exc, ForgedError) else 400)
