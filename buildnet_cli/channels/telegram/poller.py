"""Asks Telegram what was written to the bot, for as long as the agent runs."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from buildnet_cli.channels.telegram.bot import Bot
from buildnet_cli.channels.telegram.inbound import Ignored, Press, read_update, update_id_of
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.errors import BuildNetError, ChannelError, StorageError, UsageError

_log = logging.getLogger(__name__)

Take = Callable[[Inbound | Press | Ignored], Awaitable[None]]

_WAIT_SECS = 50
_SHORTEST_PAUSE, _LONGEST_PAUSE = 1.0, 60.0
# Two who ask in turn take each other's updates; the other one shall have time to be stopped.
_CONFLICT_PAUSE = 30.0
_CONFLICT = 409
_WEBHOOK_IS_SET = "webhook"
_OTHER_PROGRAM = "another program asks for the same bot; stop it, or give one of them a bot of its own"


class Poller:
    """Hands every update to `take`, in order, and then has its successor remembered.

    After a crash in between, the same update comes again: whoever takes it has to know what it has taken.
    offset: what was remembered last; 0 for nothing yet. remember: keeps the next offset for good.
    wait_secs: how long Telegram holds a question open while nobody writes. sleep: waits between failures.
    """

    def __init__(
        self,
        telegram: Telegram,
        bot: Bot,
        take: Take,
        *,
        offset: int,
        remember: Callable[[int], Awaitable[None]],
        wait_secs: int = _WAIT_SECS,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._telegram = telegram
        self._bot = bot
        self._take = take
        self._offset = offset
        self._remember = remember
        self._wait_secs = wait_secs
        self._sleep = sleep
        self._name = ""
        self._failures = 0
        self._has_dropped_webhook = False
        self.trouble = ""
        """Why nothing is heard, in a sentence; empty while all is well."""

    async def run(self) -> None:
        """Ask until cancelled; whatever Telegram or the disk says, it is asked again."""
        while True:
            try:
                await self.poll()
            except (ChannelError, StorageError) as exc:
                await self._sleep(await self._pause_after(exc))
            else:
                if self.trouble:
                    _log.info("Telegram is heard again")
                self._failures, self._has_dropped_webhook, self.trouble = 0, False, ""

    async def poll(self) -> None:
        """Ask once, and hand on what comes.

        Raises ChannelError if Telegram refuses; StorageError if an update could not be written down, and it will come again.
        """
        if not self._name:
            self._name = await self._bot.name()
        for update in await self._bot.updates(self._offset, wait_secs=self._wait_secs):
            await self._hand_on(update)

    async def _hand_on(self, update: Any) -> None:
        try:
            update_id = update_id_of(update)
            read = read_update(update, self._name)
        except UsageError as exc:
            _log.warning("Telegram handed over something else: %s", exc.message)
            return
        try:
            await self._take(read)
        except StorageError:
            raise
        except Exception:  # noqa: BLE001  (one update that we fail at may not silence all others)
            _log.exception("an update of Telegram's could not be dealt with", extra={"update": update_id})
        self._offset = update_id + 1
        await self._remember(self._offset)

    async def _pause_after(self, refused: BuildNetError) -> float:
        """How long to leave Telegram alone, in seconds."""
        is_conflict = isinstance(refused, ChannelError) and refused.status == _CONFLICT
        is_webhook = is_conflict and _WEBHOOK_IS_SET in refused.message.lower()
        if is_webhook and self._telegram.mode == "poll" and not self._has_dropped_webhook:
            self._has_dropped_webhook = True
            await self._drop_webhook()
            return _SHORTEST_PAUSE
        if refused.message != self.trouble:
            hint = _OTHER_PROGRAM if is_conflict else refused.hint
            _log.warning("nothing is heard from Telegram: %s", refused.message, extra={"hint": hint})
        self._failures, self.trouble = self._failures + 1, refused.message
        if is_conflict:
            return _CONFLICT_PAUSE
        asked_for = refused.retry_after_secs if isinstance(refused, ChannelError) else None
        return asked_for or min(_SHORTEST_PAUSE * 2 ** min(self._failures - 1, 10), _LONGEST_PAUSE)

    async def _drop_webhook(self) -> None:
        _log.warning("Telegram calls a webhook, but the configuration says poll: the webhook is removed")
        try:
            await self._bot.drop_webhook()
        except ChannelError as exc:
            _log.warning("the webhook could not be removed: %s", exc.message, extra={"hint": exc.hint})
