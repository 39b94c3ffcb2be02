"""What delivery asks of the store: a transaction that accepts, and a queue that forgets nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from buildnet_cli.delivery.breaker import Breaker
from buildnet_cli.delivery.model import Attempt, Delivery, Leased
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.rate_limit import Limits

Write = Callable[[Any], object]
"""A further write, made by the store for itself: what it is handed is the store's own business."""


@dataclass(frozen=True, slots=True)
class Acceptance:
    """An event with everything that was decided about it; stored whole or not at all.

    unheard: why there are no deliveries; empty if there are.
    key: the producer's own name for the event; empty for none.
    """

    event: Event
    deliveries: tuple[Delivery, ...]
    unheard: str = ""
    key: str = ""


class Outbox(Protocol):
    """Deliveries that are not finished, and the record of those that are."""

    async def accept(self, acceptances: Sequence[Acceptance], along_with: Sequence[Write] = ()) -> list[Acceptance]:
        """Store events and deliveries in one transaction, on disk when this returns.

        The answer has for each of them what is stored: itself, or what was accepted before with the same event id or key.
        So handing something in again, after a crash or a lost answer, is harmless.
        along_with: writes that belong to the same transaction.
        Raises StorageError if nothing was stored.
        """
        ...

    async def void_leases(self) -> int:
        """Free what a former agent held; how many there were. Called once, at start.

        Where the clock was set back since, nothing waits for its time to come round again.
        """
        ...

    async def mind_clock_step(self, by: timedelta) -> None:
        """The clock was set by so much; negative: back.

        What waits for its time, and what was told some time ago, keep their distance to it; nothing grows old by it.
        """
        ...

    async def lease(self, now: datetime, limit: int, room: Mapping[Target, int] | None = None) -> list[Leased]:
        """Take up to `limit` due deliveries, critical first, then oldest first, and count the attempt that begins.

        A delivery never overtakes an older one for the same target and subject: it is taken after it, or not at all.
        room: how many each of these targets may get; others get one.
        """
        ...

    async def finish(
        self, attempts: Sequence[Attempt], released: Sequence[str] = (), breakers: Mapping[Target, Breaker] | None = None
    ) -> bool:
        """Store finished attempts and what became of their deliveries; their leases end.

        Whether something may be sent now, or later, that could not before: the next of a line, or what is to be tried again.

        released: ids of leased deliveries that were not tried after all; they are as they were before.
        breakers: states that have changed. What waits for a target that works again falls due at once.
        """
        ...

    async def breakers(self) -> dict[Target, Breaker]:
        """The state of every target that has given trouble lately."""
        ...

    async def retry(self, delivery_id: str) -> Delivery:
        """Let a delivery fall due now, and begin anew if it was given up.

        Raises NotFoundError, or ConflictError if there is nothing to try again.
        """
        ...

    async def retry_failed(self, channel: str | None, limits: Limits) -> list[Delivery]:
        """Begin anew with everything that was given up; on one channel or on all. What is over the limits is held."""
        ...

    async def cancel(self, delivery_id: str) -> Delivery:
        """Give a delivery up. Raises NotFoundError, or ConflictError if it has come to its end."""
        ...

    async def next_due(self, after: datetime | None = None) -> datetime | None:
        """When the earliest delivery that nobody holds falls due; None if there is none.

        after: only what falls due later than this.
        """
        ...
