"""What the ingest asks of the store: to decide and to store in one step, so that nobody decides on what is not stored."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from buildnet_cli.delivery.outbox import Acceptance, Write
from buildnet_cli.delivery.router import Router
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Target


@dataclass(frozen=True, slots=True)
class Incoming:
    """An event at the door. key: its producer's own name for it; empty for none."""

    event: Event
    key: str = ""


class Intake(Protocol):
    """Decides by a router, and stores what it decides, in one transaction."""

    async def accept(
        self, incoming: Sequence[Incoming], router: Router, now: datetime, along_with: Sequence[Write] = ()
    ) -> list[Acceptance]:
        """Store events with what is decided about them at this time, on disk when this returns.

        The answer has for each of them what is stored: for one that was accepted before, by its id or key, what was stored then.
        along_with: writes that belong to the same transaction.
        Raises StorageError if nothing was stored.
        """
        ...

    async def release(self, router: Router) -> int:
        """Decide again about what was held and has fallen due; how many messages may go out now."""
        ...

    async def fold_backlog(self, router: Router, targets: Collection[Target]) -> int:
        """Fold what has waited too long for each of these targets into one message; how many deliveries were folded.

        Nothing may be under way to them meanwhile.
        """
        ...

    async def next_release(self) -> datetime | None:
        """When the earliest of what is held falls due; None if nothing is held."""
        ...

    async def forget(self, before: datetime) -> None:
        """Drop what no decision hangs on any more. before: a time longer ago than any window."""
        ...
