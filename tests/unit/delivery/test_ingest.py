"""The door for events: ids, priorities, cleanliness, and who is told when."""

from __future__ import annotations

import math
from datetime import timedelta

import pytest

from buildnet_cli import redact
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.errors import StorageError
from buildnet_cli.events.bus import EventBus, Subscription
from buildnet_cli.events.model import EventDraft
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.intake import StoredIntake
from tests.support.clocks import START, FakeClock
from tests.support.deliveries import CI, OPS, a_router
from tests.support.stores import MemoryStore


class Door:
    """An ingest over tables in memory, and what it told."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.bus = EventBus()
        self.woken = 0
        clock = FakeClock()
        self.router = a_router(CI, OPS)
        self.ingest = Ingest(StoredIntake(self.store, clock), self.bus, clock, self.router, wake=self._wake)

    def _wake(self) -> None:
        self.woken += 1

    def heard(self, listener: Subscription) -> int:
        return listener._queue.qsize()


@pytest.fixture
def door() -> Door:
    return Door()


async def test_an_accepted_event_is_stored_told_and_sent(door: Door) -> None:
    with door.bus.subscribe() as listener:
        event = await door.ingest.accept(EventDraft("build.failed", "it broke", subject="api"), source="cli")
        assert await listener.next() == event
    assert events.find(door.store.db, event.id) == event
    assert [each.target for each in deliveries.of_event(door.store.db, event.id)] == [CI, OPS]
    assert door.woken == 1


@pytest.mark.parametrize(
    ("draft", "priority"),
    [
        (EventDraft("build.failed", priority=Priority.CRITICAL), Priority.CRITICAL),
        (EventDraft("build.failed"), Priority.HIGH),
        (EventDraft("custom.deploy"), Priority.LOW),
    ],
)
async def test_priority_is_the_producers_else_the_types_else_the_default(
    door: Door, draft: EventDraft, priority: Priority
) -> None:
    assert (await door.ingest.accept(draft, source="cli")).priority is priority


async def test_time_and_source_are_the_producers_else_now_and_the_door(door: Door) -> None:
    own = EventDraft("custom.a", source="jenkins", timestamp=START - timedelta(hours=1))
    first, second = await door.ingest.accept_many([own, EventDraft("custom.a")], source="api")
    assert (first.event.source, first.event.timestamp) == ("jenkins", START - timedelta(hours=1))
    assert (second.event.source, second.event.timestamp) == ("api", START)


async def test_an_event_nobody_hears_of_is_stored_with_the_reason(door: Door) -> None:
    door.router.rules = a_router(CI, pattern="build.*").rules
    event = await door.ingest.accept(EventDraft("cache.cleared"), source="cli")
    assert events.why_unheard(door.store.db, event.id) == "no recipient"
    assert deliveries.of_event(door.store.db, event.id) == ()


async def test_nothing_is_told_that_was_not_stored(door: Door) -> None:
    door.store.refuses = True
    with door.bus.subscribe() as listener:
        with pytest.raises(StorageError):
            await door.ingest.accept(EventDraft("build.failed"), source="cli")
        assert door.heard(listener) == 0


async def test_an_event_handed_in_twice_is_accepted_once_and_told_once(door: Door) -> None:
    draft = EventDraft("custom.a", id="job-17")
    with door.bus.subscribe() as listener:
        first = await door.ingest.accept(draft, source="cli")
        (second,) = await door.ingest.accept_many([draft], source="spool")
        assert door.heard(listener) == 1
    assert second.event == first
    assert len(second.deliveries) == 2
    assert deliveries.counts(door.store.db)[DeliveryStatus.PENDING] == 2


async def test_an_id_made_as_ours_is_taken_over_and_another_is_not(door: Door) -> None:
    ours = new_id("evt")
    assert (await door.ingest.accept(EventDraft("custom.a", id=ours), source="cli")).id == ours
    assert (await door.ingest.accept(EventDraft("custom.a", id="evt_short"), source="cli")).id.startswith("evt_0")


async def test_no_secret_reaches_the_database(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(redact, "_shared", redact.Redactor())
    redact.register("hunter2-hunter2")
    redact.register("48392017")
    draft = EventDraft(
        "custom.a",
        "token hunter2-hunter2",
        payload={"env": ["A=hunter2-hunter2", {"hunter2-hunter2": 1}], "pin": 48392017, "n": 3, "ok": True},
    )
    event = await door.ingest.accept(draft, source="cli")
    stored = events.get(door.store.db, event.id)
    assert stored.message == "token ***"
    assert stored.payload == {"env": ["A=***", {"***": 1}], "pin": "***", "n": 3, "ok": True}


async def test_what_json_and_utf8_cannot_hold_is_made_holdable(door: Door) -> None:
    draft = EventDraft("custom.a", "half \ud83d", payload={"nan": math.nan, "path": START, "tuple": (1, 2)})
    event = await door.ingest.accept(draft, source="cli")
    assert events.get(door.store.db, event.id).message == "half ?"
    assert event.payload == {"nan": None, "path": str(START), "tuple": [1, 2]}


async def test_the_dispatcher_is_woken_even_if_the_caller_gave_up(door: Door) -> None:
    door.store.refuses = True
    with pytest.raises(StorageError):
        await door.ingest.accept(EventDraft("custom.a"), source="cli")
    assert door.woken == 1
