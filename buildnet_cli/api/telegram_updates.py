"""An update of Telegram's, whether it was posted to us or we asked for it: taken, and answered where it was written."""

from __future__ import annotations

import logging

from buildnet_cli.api import promptly
from buildnet_cli.api.services import Services
from buildnet_cli.channels.telegram.bot import Bot
from buildnet_cli.channels.telegram.inbound import Ignored, Press
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.commands.spoken import answer_to

_log = logging.getLogger(__name__)


async def take(services: Services, bot: Bot, update: Inbound | Press | Ignored) -> None:
    """Do what it asks for. A stranger, and an update that comes again, get silence.

    Raises StorageError, with nothing run, if it cannot be written down.
    """
    if isinstance(update, Ignored):
        _log.debug("an update of Telegram's is no command: %s", update.reason, extra={"update": update.update_id})
        return
    if isinstance(update, Press):
        # Nothing hangs on it: the phone merely stops waiting.
        promptly.in_background(promptly.unless_refused(bot.answer_press(update.press_id)))
    said = update.said if isinstance(update, Press) else update
    result = await services.door.take(said)
    if result is not None:
        await services.answers.send(said.reply_to, answer_to(result, services.clock.now()), result.request_id)
