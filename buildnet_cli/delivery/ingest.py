"""The one door for events: give them an id, have them decided and stored in one transaction, then tell whoever waits."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.clean import clean_object, clean_text
from buildnet_cli.delivery.intake import Incoming, Intake
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.delivery.outbox import Acceptance, Write
from buildnet_cli.delivery.router import Router
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.catalog import priority_of
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.ids import new_id

_log = logging.getLogger(__name__)

_OUR_ID = re.compile(r"evt_[0-9a-z]{26}")


class Ingest:
    """Accepts events of all producers alike."""

    def __init__(
        self,
        intake: Intake,
        bus: EventBus,
        clock: Clock,
        router: Router,
        *,
        wake: Callable[[], None],
        on_held: Callable[[], None] = lambda: None,
    ) -> None:
        """wake: called when there may be something to send. on_held: called when something is to wait."""
        self._intake = intake
        self._bus = bus
        self._clock = clock
        self._router = router
        self._wake = wake
        self._on_held = on_held

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
        given = [Incoming(self._to_event(draft, source, now), draft.id) for draft in drafts]
        # Already now: whoever looks for something to send comes right behind it, and shares its commit.
        self._wake()
        stored = await self._intake.accept(given, self._router, now, along_with)
        for mine, theirs in zip(given, stored, strict=True):
            if mine.event is theirs.event:
                self._bus.publish(mine.event)
                self._note(theirs)
        if any(each.status is DeliveryStatus.HELD for acceptance in stored for each in acceptance.deliveries):
            self._on_held()
        return stored

    def _note(self, acceptance: Acceptance) -> None:
        """What was decided, for a log that is verbose."""
        if _log.isEnabledFor(logging.DEBUG):
            told = [f"{each.target} {each.status}: {each.reason}" for each in acceptance.deliveries]
            _log.debug(
                "routed %s", acceptance.event.type, extra={"event": acceptance.event.id, "told": told or acceptance.unheard}
            )

    def _to_event(self, draft: EventDraft, source: str, now: datetime) -> Event:
        return Event(
            # Whoever makes ids as we do, to know them before we answer, has its own taken over.
            id=draft.id if _OUR_ID.fullmatch(draft.id) else new_id("evt"),
            type=draft.type,
            priority=draft.priority or priority_of(draft.type, self._router.rules.default_priority),
            message=clean_text(draft.message),
            subject=clean_text(draft.subject),
            source=clean_text(draft.source or source),
            timestamp=draft.timestamp or now,
            payload=clean_object(draft.payload),
        )
