"""Slack calling us: slash commands, what is said to the bot, and pressed buttons."""

from __future__ import annotations

from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from buildnet_cli.api import promptly
from buildnet_cli.api.proof import refuse
from buildnet_cli.api.requests import read_raw, services_of
from buildnet_cli.api.services import Services
from buildnet_cli.channels.incoming import Asked, Immediate
from buildnet_cli.channels.slack import later, reply
from buildnet_cli.channels.slack.inbound import SlackInbound
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.commands.model import CommandResult
from buildnet_cli.commands.spoken import answer_to
from buildnet_cli.errors import NotFoundError, UsageError

MAX_BODY: Final = 1 << 20


async def command(request: Request) -> Response:
    """A slash command: answered in the response, or later through the address that came with it."""
    services, inbound = _open(request)
    body = await read_raw(request, MAX_BODY)
    try:
        asked = inbound.read_command(request.headers, body, services.clock.now())
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "slack", exc)
    if isinstance(asked, Immediate):
        return _immediate(asked)

    async def tell(result: CommandResult) -> None:
        await later.answer(services.http, asked.answer_url, reply.response(result, asked.inbound.identifier))

    result = await promptly.take(services.door, asked.inbound, tell)
    if result is promptly.Late:
        return JSONResponse({"response_type": "ephemeral", "text": "It takes a moment."})
    # A stranger, and a message that comes again, get silence.
    return JSONResponse(reply.response(result, asked.inbound.identifier)) if isinstance(result, CommandResult) else Response()


async def event(request: Request) -> Response:
    """Something said to the bot: taken note of at once, and answered in its thread."""
    services, inbound = _open(request)
    body = await read_raw(request, MAX_BODY)
    try:
        asked = inbound.read_event(request.headers, body, services.clock.now())
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "slack", exc)
    if not isinstance(asked, Asked):
        return _immediate(asked or Immediate())

    async def tell(result: CommandResult) -> None:
        await services.answers.send(asked.inbound.reply_to, answer_to(result, services.clock.now()), result.request_id)

    result = await promptly.take(services.door, asked.inbound, tell)
    if isinstance(result, CommandResult):
        await tell(result)
    return Response()


async def press(request: Request) -> Response:
    """A pressed button: its message becomes what came of it."""
    services, inbound = _open(request)
    body = await read_raw(request, MAX_BODY)
    try:
        asked = inbound.read_press(request.headers, body, services.clock.now())
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "slack", exc)
    if asked is None:
        return Response()

    async def tell(result: CommandResult) -> None:
        await later.answer(services.http, asked.answer_url, reply.replacement(result, asked.inbound.identifier))

    result = await promptly.take(services.door, asked.inbound, tell)
    if isinstance(result, CommandResult):
        promptly.in_background(promptly.unless_refused(tell(result)))
    return Response()


def _open(request: Request) -> tuple[Services, SlackInbound]:
    """Raises NotFoundError while Slack has nothing to call: without remote control, or without the secret that proves it."""
    services = services_of(request)
    config = services.config()
    slack = config.notifications.channels.slack
    if not config.remote_control.enabled or slack is None or not slack.enabled or slack.signing_secret is None:
        raise NotFoundError("Not Found")
    if slack.mode != "http":
        raise NotFoundError("Not Found")
    return services, SlackInbound(slack)


def _immediate(answer: Immediate) -> Response:
    body: dict[str, Any] | None = answer.body
    return JSONResponse(body) if body is not None else Response()
