"""The one door for events: give them an id, ask the router, store everything in one transaction, then tell whoever waits."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.clean import clean_object, clean_text
from buildnet_cli.delivery.model import Delivery, DeliveryStatus
from buildnet_cli.delivery.outbox import Acceptance, Outbox, Write
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.catalog import priority_of
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.routing.decision import Action, Decision
from buildnet_cli.routing.match import RoutingTable
from buildnet_cli.routing.pipeline import NO_RECIPIENT, decide

_OUR_ID = re.compile(r"evt_[0-9a-z]{26}")

_STATUS_OF = {
    Action.SEND: DeliveryStatus.PENDING,
    Action.HOLD: DeliveryStatus.HELD,
    Action.SUPPRESS: DeliveryStatus.SUPPRESSED,
}


class Ingest:
    """Accepts events of all producers alike."""

    def __init__(
        self,
        outbox: Outbox,
        bus: EventBus,
        clock: Clock,
        table: RoutingTable,
        *,
        default_priority: Priority,
        wake: Callable[[], None],
    ) -> None:
        """default_priority: of types that nobody knows. wake: called when there may be something to send."""
        self._outbox = outbox
        self._bus = bus
        self._clock = clock
        self._table = table
        self._default_priority = default_priority
        self._wake = wake

    def replace_table(self, table: RoutingTable, *, default_priority: Priority) -> None:
        """Route by another configuration from now on."""
        self._table = table
        self._default_priority = default_priority

    async def accept(self, draft: EventDraft, *, source: str, along_with: Sequence[Write] = ()) -> Event:
        """Accept one event; it is safe on disk when this returns. See `accept_many`."""
        (acceptance,) = await self.accept_many([draft], source=source, along_with=along_with)
        return acceptance.event

    async def accept_many(
        self, drafts: Sequence[EventDraft], *, source: str, along_with: Sequence[Write] = ()
    ) -> list[Acceptance]:
        """Accept events in one transaction, all or none of them; what is stored of each, in the order of the drafts.

        A draft whose id was accepted before is not accepted again: the answer has what was stored then.

        source: the door they came in by, for drafts that name none.
        along_with: writes that belong to the same transaction.
        Raises StorageError if nothing was stored.
        """
        now = self._clock.now()
        given = [self._route(self._to_event(draft, source, now), draft.id, now) for draft in drafts]
        try:
            stored = await self._outbox.accept(given, along_with)
        finally:
            # Even if the caller no longer waits: what was handed in may be stored all the same.
            self._wake()
        for mine, theirs in zip(given, stored, strict=True):
            if mine is theirs:
                self._bus.publish(mine.event)
        return stored

    def _to_event(self, draft: EventDraft, source: str, now: datetime) -> Event:
        return Event(
            # Whoever makes ids as we do, to know them before we answer, has its own taken over.
            id=draft.id if _OUR_ID.fullmatch(draft.id) else new_id("evt"),
            type=draft.type,
            priority=draft.priority or priority_of(draft.type, self._default_priority),
            message=clean_text(draft.message),
            subject=clean_text(draft.subject),
            source=clean_text(draft.source or source),
            timestamp=draft.timestamp or now,
            payload=clean_object(draft.payload),
        )

    def _route(self, event: Event, key: str, now: datetime) -> Acceptance:
        deliveries = tuple(_to_delivery(event, decision, now) for decision in decide(event, self._table, now))
        return Acceptance(event, deliveries, unheard="" if deliveries else NO_RECIPIENT, key=key)


def _to_delivery(event: Event, decision: Decision, now: datetime) -> Delivery:
    return Delivery(
        id=new_id("dlv"),
        event_id=event.id,
        target=decision.target,
        status=_STATUS_OF[decision.action],
        reason=decision.reasons[-1].text,
        created_at=now,
        next_attempt_at=now if decision.action is Action.SEND else decision.until,
        reasons=decision.reasons,
    )
