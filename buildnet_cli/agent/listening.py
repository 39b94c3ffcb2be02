"""What we do at providers to hear of commands there: ask for messages, name our address, offer the list of commands.

What speaks to a provider is loaded once the configuration wants it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Final

from buildnet_cli.api.routes.inbound import TELEGRAM as TELEGRAM_ROUTE
from buildnet_cli.api.services import Services
from buildnet_cli.commands.registry import commands
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.config.channels.telegram import Telegram
from buildnet_cli.config.root import Config
from buildnet_cli.errors import BuildNetError, StorageError
from buildnet_cli.store.bookmarks import StoredBookmarks

if TYPE_CHECKING:
    from buildnet_cli.channels.telegram.bot import Bot
    from buildnet_cli.channels.telegram.inbound import Ignored, Press
    from buildnet_cli.commands.inbound import Inbound

_log = logging.getLogger(__name__)

_DISK_PAUSE_SECS: Final = 5.0
_LAST_WORDS_SECS: Final = 2.0
"""How long an end waits for the answer to a command such as STOP."""


class Listening:
    """Keeps in step with the configuration: `follow` at the start and after every reload, `close` at the end."""

    def __init__(self, services: Services, bookmarks: StoredBookmarks) -> None:
        self._services = services
        self._bookmarks = bookmarks
        self._telegram: Telegram | None = None
        self._discord: Discord | None = None
        self._asking: asyncio.Task[None] | None = None
        self._introductions: set[asyncio.Task[None]] = set()
        self._taking: set[asyncio.Task[None]] = set()

    async def follow(self, config: Config) -> None:
        """Begin, change or end what the configuration wants done; a provider's refusal is written into the log."""
        channels, is_on = config.notifications.channels, config.remote_control.enabled
        telegram, discord = channels.telegram, channels.discord
        telegram = telegram if is_on and telegram is not None and telegram.enabled and telegram.allowed_users else None
        discord = discord if is_on and discord is not None and discord.enabled and discord.public_key else None
        if telegram != self._telegram:
            self._telegram = telegram
            await _end(self._asking)  # who asks while another does takes its updates
            self._asking = None
            if telegram is not None:
                self._hear_telegram(telegram, config.agent.api.public_base_url)
        if discord != self._discord:
            self._discord = discord
            if discord is not None and discord.application_id and discord.allowed_users:
                self._offer_at_discord(discord)

    async def close(self) -> None:
        """Ask no more. What was heard is still answered, if that takes no longer than a moment."""
        await _end(self._asking)
        for task in [*self._introductions]:
            await _end(task)
        if self._taking:
            await asyncio.wait(self._taking, timeout=_LAST_WORDS_SECS)

    def _offer_at_discord(self, discord: Discord) -> None:
        from buildnet_cli.channels.discord import interactions, slash

        self._introduce("Discord", partial(interactions.register, self._services.http, discord, slash.definitions(commands())))

    def _hear_telegram(self, telegram: Telegram, base_url: str) -> None:
        from buildnet_cli.channels.telegram.bot import Bot

        bot = Bot(telegram, self._services.http)
        menu = {each.permission.replace(".", "_"): each.help for each in commands().values()}
        self._introduce("Telegram", partial(bot.offer, menu))
        if telegram.mode == "poll":
            self._asking = asyncio.create_task(self._ask_telegram(telegram, bot), name="Telegram")
            self._asking.add_done_callback(_say_if_broken)
        elif telegram.webhook_secret is not None and base_url:
            self._introduce("Telegram", partial(bot.set_webhook, f"{base_url.rstrip('/')}{TELEGRAM_ROUTE}"))

    async def _ask_telegram(self, telegram: Telegram, bot: Bot) -> None:
        from buildnet_cli.api import telegram_updates
        from buildnet_cli.channels.telegram.poller import Poller

        token = telegram.bot_token.get_secret_value() if telegram.bot_token is not None else ""
        reader = f"telegram:{token.partition(':')[0]}"  # the bot's own id, which is no secret

        async def take(update: Inbound | Press | Ignored) -> None:
            # An end of ours, even one that this update asks for, does not cut off the answer to it.
            taking = asyncio.create_task(telegram_updates.take(self._services, bot, update))
            self._taking.add(taking)
            taking.add_done_callback(self._taking.discard)
            await asyncio.shield(taking)

        async def remember(place: int) -> None:
            await self._bookmarks.put(reader, place)

        while True:
            try:
                place = await self._bookmarks.place(reader)
                break
            except StorageError as exc:
                _log.warning("Telegram has to wait: %s", exc.message)
                await asyncio.sleep(_DISK_PAUSE_SECS)
        await Poller(telegram, bot, take, offset=place, remember=remember).run()

    def _introduce(self, provider: str, tell_it: Callable[[], Awaitable[None]]) -> None:
        """Tell a provider something about us, beside everything else: commands work without it, merely less comfortably."""

        async def tell() -> None:
            try:
                await tell_it()
            except BuildNetError as exc:
                _log.warning("%s was not told of our commands: %s", provider, exc.message, extra={"hint": exc.hint})

        task = asyncio.create_task(tell(), name=f"introduction to {provider}")
        self._introductions.add(task)
        task.add_done_callback(self._introductions.discard)


def _say_if_broken(task: asyncio.Task[None]) -> None:
    if not task.cancelled() and (fault := task.exception()) is not None:
        _log.critical("%s is not listened to any more; reload the configuration to begin anew", task.get_name(), exc_info=fault)


async def _end(task: asyncio.Task[None] | None) -> None:
    if task is not None:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
