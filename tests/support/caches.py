"""A cache with the real tables in memory, real artifacts in a folder, and its events in a list."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from buildnet_cli.clock import Clock
from buildnet_cli.engine.local.archive import Limits
from buildnet_cli.engine.local.artifacts import ArtifactFolder
from buildnet_cli.engine.local.cache import BuildCache
from buildnet_cli.engine.local.eviction import CacheLimits
from buildnet_cli.engine.local.stock import Stock
from buildnet_cli.events.model import EventDraft
from buildnet_cli.store.cache import StoredCache
from tests.support.clocks import FakeClock
from tests.support.stores import MemoryStore


class Kept:
    """Everything that a cache is made of; it may be opened again over the same folder and tables.

    events: what it has told so far.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Clock | None = None,
        limits: CacheLimits | None = None,
        archives: Limits | None = None,
        store: MemoryStore | None = None,
    ) -> None:
        self.store = store or MemoryStore()
        self.events: list[EventDraft] = []
        self.clock = clock or FakeClock()
        self.index = StoredCache(self.store, self, self.clock)  # type: ignore[arg-type]  # they stand in for Store and Ingest
        self.folder = ArtifactFolder(folder, archives)
        self.stock = Stock(self.folder, self.index, self.clock, limits or CacheLimits())
        self.cache = BuildCache(self.stock, self.index)

    async def accept_many(self, drafts: Sequence[EventDraft], *, source: str, along_with: Sequence[Any] = ()) -> None:
        """As `delivery.ingest.Ingest` does it, without recipients."""
        await self.store.write(lambda db: [write(db) for write in along_with])
        self.events += drafts

    @property
    def event_types(self) -> list[str]:
        return [event.type for event in self.events]
