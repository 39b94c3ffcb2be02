"""What delivery asks of the store: a transaction that accepts, and a queue that forgets nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from buildnet_cli.delivery.model import Attempt, Delivery, Leased
from buildnet_cli.events.model import Event


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An event with everything that was decided about it; stored whole or not at all."""

    event: Event
    deliveries: tuple[Delivery, ...]


class Outbox(Protocol):
    """Deliveries that are not finished, and the record of those that are."""

    async def accept(self, acceptances: Sequence[Acceptance]) -> None:
        """Store events and deliveries in one transaction, on disk when this returns. Raises StorageError if nothing was stored."""
        ...

    async def void_leases(self) -> int:
        """Free what a former agent held; how many there were. Called once, at start."""
        ...

    async def lease(self, now: datetime, limit: int) -> list[Leased]:
        """Take up to `limit` due deliveries, critical first, then oldest first, and count the attempt that begins."""
        ...

    async def finish(self, attempts: Sequence[Attempt]) -> None:
        """Store finished attempts and what became of their deliveries; their leases end."""
        ...

    async def next_due(self) -> datetime | None:
        """When the earliest delivery that nobody holds falls due; None if there is none."""
        ...
