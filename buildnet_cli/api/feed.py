"""Live events for one listener, without a gap: what it missed is read from the store."""

from __future__ import annotations

import functools
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from buildnet_cli.clock import from_rfc3339
from buildnet_cli.errors import UsageError
from buildnet_cli.events.bus import Ended, EventBus, Lagged
from buildnet_cli.events.model import Event
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.store import events
from buildnet_cli.store.database import Store

_PAGE = 500
# As many as may stand in the bus for a listener, and then some: of these an event may come both ways.
_REMEMBERED = 1_000


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a listener wants.

    patterns: of their types; none for all. since: id of the last event it has, or the time from which on it wants them;
    None for only what comes.
    """

    patterns: tuple[Pattern, ...] = ()
    priority: Priority | None = None
    subject: str | None = None
    since: str | datetime | None = None

    def includes(self, event: Event) -> bool:
        is_of_type = not self.patterns or any(pattern.matches(event.type, event.priority) for pattern in self.patterns)
        return (
            is_of_type
            and (self.priority is None or event.priority is self.priority)
            and (self.subject is None or event.subject == self.subject)
        )


def read_wanted(types: Sequence[str], priority: str | None, subject: str | None, since: str | None) -> Wanted:
    """What a query asks for. Raises UsageError, which names the member."""
    try:
        patterns = tuple(Pattern.parse(text) for text in types)
    except ValueError as exc:
        raise UsageError(str(exc), where="type") from None
    if priority is not None and priority not in Priority.__members__.values():
        raise UsageError(f"{ascii(priority)[:40]} is no priority", hint="low, medium, high or critical", where="priority")
    return Wanted(patterns, Priority(priority) if priority is not None else None, subject, _read_since(since))


def _read_since(text: str | None) -> str | datetime | None:
    if text is None or text.startswith("evt_"):
        return text
    try:
        return from_rfc3339(text)
    except ValueError:
        raise UsageError(
            f"{ascii(text)[:60]} is neither the id of an event nor a time", hint="such as 2024-01-26T12:00:00Z", where="since"
        ) from None


class Feed:
    """Opens a listener's stream of events."""

    def __init__(self, bus: EventBus, store: Store) -> None:
        self._bus = bus
        self._store = store

    async def follow(self, wanted: Wanted) -> AsyncGenerator[Event, None]:
        """Every event that is wanted, in the order of acceptance, until the bus is closed.

        A listener that is slower than the events is served from the store until it has caught up: it misses none.
        Raises UsageError if `since` is no event that is known.
        """
        with self._bus.subscribe() as subscription:
            known: deque[str] = deque(maxlen=_REMEMBERED)
            place = await self._place_of(wanted.since)
            is_behind = wanted.since is not None
            while True:
                if is_behind:
                    async for event in self._stored_after(place):
                        if _is_news(event, known) and wanted.includes(event):
                            yield event
                    is_behind = False
                try:
                    event = await subscription.next()
                except Ended:
                    return
                except Lagged:
                    # What was accepted at the same moment may be told in another order than it is stored in: begin well before.
                    place = await self._place_of(known[0]) if known else place
                    is_behind = True
                    continue
                if _is_news(event, known) and wanted.includes(event):
                    yield event

    async def _stored_after(self, place: int) -> AsyncIterator[Event]:
        """Everything stored after a place, until there is no more."""
        while page := await self._store.read(functools.partial(events.after_place, place=place, limit=_PAGE)):
            place = page[-1][0]
            for _, event in page:
                yield event

    async def _place_of(self, since: str | datetime | None) -> int:
        return await self._store.read(lambda db: events.place_of(db, since))


def _is_news(event: Event, known: deque[str]) -> bool:
    """Whether this is the first time that an event comes by; from then on it is known."""
    if event.id in known:
        return False
    known.append(event.id)
    return True
