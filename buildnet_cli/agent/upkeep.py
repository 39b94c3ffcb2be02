"""What the agent minds beside its work: what had befallen its database, whether that is sound, and what lies in the spool."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable
from typing import Final

from buildnet_cli.agent.account import Account
from buildnet_cli.agent.wiring import Parts
from buildnet_cli.clock import Clock
from buildnet_cli.delivery import spool
from buildnet_cli.engine import runs
from buildnet_cli.errors import StorageError
from buildnet_cli.events.incident import IncidentKey
from buildnet_cli.events.model import EventDraft
from buildnet_cli.paths import Workspace
from buildnet_cli.store.builds import put
from buildnet_cli.store.memory import StoredMemory
from buildnet_cli.store.soundness import fault_in_all

_log = logging.getLogger(__name__)

SPOOL_EVERY_SECS: Final = 5.0
"""How often the spool is looked into while the agent runs."""


class Upkeep:
    """tell: accepts an event of our own where nothing can be done if the disk refuses it."""

    def __init__(
        self, workspace: Workspace, parts: Parts, account: Account, clock: Clock, tell: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._workspace = workspace
        self._parts = parts
        self._account = account
        self._clock = clock
        self._tell = tell

    async def tell_mishaps(self) -> None:
        """Say what had happened to the database; or, if an earlier agent had told of an error, that it is over."""
        host = socket.gethostname()
        await self._parts.commands.note_mishap(self._clock.now())
        for mishap in self._parts.mishaps:
            _log.error("%s", mishap)
            await self._parts.ingest.accept(EventDraft("daemon.error", mishap, subject=host), source="agent")
        key = IncidentKey("daemon.health", host)
        if not self._parts.mishaps and await self._parts.store.read(lambda db: StoredMemory(db).incident(key)) is not None:
            draft = EventDraft("daemon.recovered", f"buildnet-notify works again on {host}", subject=host)
            await self._parts.ingest.accept(draft, source="agent")

    async def watch_database(self) -> None:
        """Look at every page once, without haste; the next start puts a damaged file aside."""
        is_over = threading.Event()
        try:
            fault = await asyncio.to_thread(fault_in_all, self._parts.store.path, is_over.is_set)
        finally:
            is_over.set()
        if fault:
            _log.error("the database is damaged: %s", fault)
            self._account.damage = f"the database is damaged ({fault}); a restart puts it aside and takes over what waits"
            await self._tell("daemon.error", f"{self._account.damage}: buildnet-notify agent restart")
        await asyncio.Event().wait()

    async def watch_spool(self) -> None:
        """Take in what was handed over while no agent answered, before this one or while it hung; and miss who was killed."""
        while True:
            try:
                gone = await runs.gone(self._parts.builds)
                await spool.take_in(self._workspace.spool, self._parts.ingest, put)
                await runs.close(self._parts.builds, gone, self._clock)
            except StorageError as exc:
                _log.warning("the spool has to wait: %s", exc.message)
            await asyncio.sleep(SPOOL_EVERY_SECS)
