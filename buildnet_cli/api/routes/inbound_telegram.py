"""Telegram calling us, where it was told to instead of being asked."""

from __future__ import annotations

import logging
from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from buildnet_cli.api import telegram_updates
from buildnet_cli.api.proof import refuse
from buildnet_cli.api.requests import read_raw, services_of
from buildnet_cli.channels.telegram.bot import Bot
from buildnet_cli.channels.telegram.inbound import read_webhook
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import BuildNetError, NotFoundError, UsageError

_log = logging.getLogger(__name__)

MAX_BODY: Final = 1 << 20


async def update(request: Request) -> Response:
    """An update. The route exists only in the mode `webhook`, with remote control on and the secret configured."""
    services = services_of(request)
    config = services.config()
    telegram = config.notifications.channels.telegram
    is_open = config.remote_control.enabled and telegram is not None and telegram.enabled and telegram.mode == "webhook"
    if telegram is None or not is_open or telegram.webhook_secret is None:
        raise NotFoundError("Not Found")
    body, bot = await read_raw(request, MAX_BODY), Bot(telegram, services.http)
    try:
        # First of all the proof: nobody else may have us ask Telegram anything.
        read = read_webhook(telegram, "", request.headers, body)
        # Only a command such as /status@ours needs our own name.
        if b"@" in body:
            read = read_webhook(telegram, await bot.name(), request.headers, body)
        await telegram_updates.take(services, bot, read)
    except (ForgedError, UsageError) as exc:
        return await refuse(services, request, "telegram", exc)
    except BuildNetError as exc:
        _log.error("an update of Telegram's could not be taken: %s", exc.message)
        return Response(status_code=503)  # Telegram posts it again; nothing has run
    return Response()
