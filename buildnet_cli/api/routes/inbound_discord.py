"""Discord calling us: slash commands and pressed buttons."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api import promptly
from buildnet_cli.api.proof import refuse
from buildnet_cli.api.requests import read_raw, services_of
from buildnet_cli.channels.discord import interactions, reply
from buildnet_cli.channels.discord.adapter import API
from buildnet_cli.channels.discord.inbound import DiscordInbound
from buildnet_cli.channels.incoming import Immediate
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.commands.model import CommandResult
from buildnet_cli.commands.registry import commands
from buildnet_cli.errors import NotFoundError, UsageError

MAX_BODY: Final = 1 << 20


async def interact(request: Request) -> Response:
    """An interaction: answered in the response, or put off and answered when it is known.

    The route exists only with remote control on and the application's public key configured.
    """
    services = services_of(request)
    config = services.config()
    discord = config.notifications.channels.discord
    is_open = config.remote_control.enabled and discord is not None and discord.enabled
    if discord is None or not is_open or not discord.public_key or discord.mode != "http":
        raise NotFoundError("Not Found")
    body = await read_raw(request, MAX_BODY)
    try:
        asked = DiscordInbound(discord, discord.base_url or API, commands()).read(request.headers, body, services.clock.now())
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "discord", exc)
    if isinstance(asked, Immediate):
        return JSONResponse(asked.body)
    who, is_press = asked.inbound.identifier, bool(asked.request_id)

    async def tell(result: CommandResult) -> None:
        await interactions.edit_original(services.http, asked.answer_url, reply.message(result, who))

    result = await promptly.take(services.door, asked.inbound, tell)
    if result is promptly.Late:
        return JSONResponse(reply.later(is_press=is_press))
    if not isinstance(result, CommandResult):
        # Discord shows an error for no answer at all; a stranger learns no more from this than from that.
        return JSONResponse(reply.refusal("You may not ask for that here."))
    return JSONResponse(reply.response(result, who, is_press=is_press))
