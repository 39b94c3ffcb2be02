"""The outbox on disk: what may go next, what must wait, and that nothing is lost on the way."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from buildnet_cli.delivery.model import Attempt, DeliveryStatus, Leased
from buildnet_cli.errors import Outcome
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import deliveries, events
from buildnet_cli.store import outbox as module
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, an_acceptance, an_event
from tests.support.stores import MemoryStore


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
async def outbox(store: MemoryStore, clock: FakeClock) -> StoredOutbox:
    outbox = StoredOutbox(store, clock)
    await outbox.void_leases()
    return outbox


def ended(leased: Leased, clock: FakeClock, status: DeliveryStatus = DeliveryStatus.DELIVERED) -> Attempt:
    outcome = None if status is DeliveryStatus.DELIVERED else Outcome.PERMANENT
    return Attempt(leased.delivery.id, clock.now(), clock.now(), outcome, "ok", status, "done")


def failed(leased: Leased, clock: FakeClock, *, again_in: float = 30) -> Attempt:
    due = clock.now() + timedelta(seconds=again_in)
    return Attempt(
        leased.delivery.id,
        clock.now(),
        clock.now(),
        Outcome.RETRY,
        "503",
        DeliveryStatus.PENDING,
        "not taken",
        next_attempt_at=due,
    )


def messages(leased: list[Leased]) -> list[str]:
    return [each.event.message for each in leased]


async def accept(
    outbox: StoredOutbox, clock: FakeClock, *notes: str, to: Target = CI, subject: str = "api", **fields: object
) -> None:
    await outbox.accept(
        [an_acceptance(to, event=an_event(subject, message=note, at=clock.now(), **fields), at=clock.now()) for note in notes]
    )


async def test_an_acceptance_stores_event_deliveries_and_reasons(outbox: StoredOutbox, store: MemoryStore) -> None:
    given = an_acceptance(CI, OPS)
    assert await outbox.accept([given]) == [given]
    assert events.find(store.db, given.event.id) == given.event
    assert deliveries.of_event(store.db, given.event.id) == given.deliveries


async def test_a_second_event_of_the_same_key_is_taken_for_the_first(outbox: StoredOutbox, store: MemoryStore) -> None:
    first, second = an_acceptance(CI, key="job-17"), an_acceptance(CI, OPS, key="job-17")
    await outbox.accept([first])
    (stored,) = await outbox.accept([second])
    assert stored.event == first.event
    assert stored.deliveries == first.deliveries
    assert deliveries.conservation(store.db).accepted == 1
    assert len(events.page(store.db).items) == 1


async def test_a_second_event_of_the_same_id_is_taken_for_the_first(outbox: StoredOutbox, store: MemoryStore) -> None:
    event = an_event()
    await outbox.accept([an_acceptance(CI, event=event), an_acceptance(CI, event=event)])
    assert deliveries.counts(store.db)[DeliveryStatus.PENDING] == 1


async def test_a_failing_companion_write_takes_the_events_with_it(outbox: StoredOutbox, store: MemoryStore) -> None:
    with pytest.raises(ZeroDivisionError):
        await outbox.accept([an_acceptance(CI)], along_with=[lambda db: 1 / 0])
    assert events.page(store.db).items == []
    assert deliveries.conservation(store.db).accepted == 0


async def test_a_lease_counts_the_attempt_and_keeps_others_away(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "a")
    (leased,) = await outbox.lease(clock.now(), 10)
    assert leased.delivery.attempts == 1
    assert await outbox.lease(clock.now(), 10) == []


async def test_what_is_not_due_yet_is_not_leased(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "a")
    early = clock.now() - timedelta(seconds=1)
    assert await outbox.lease(early, 10) == []
    assert await outbox.next_due() == clock.now()
    assert await outbox.next_due(after=clock.now()) is None


async def test_critical_goes_first_and_then_the_oldest(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "old", subject="a")
    await accept(outbox, clock, "urgent", subject="b", priority=Priority.CRITICAL)
    await accept(outbox, clock, "new", subject="c")
    assert messages(await outbox.lease(clock.now(), 10, {CI: 10})) == ["urgent", "old", "new"]


async def test_an_urgent_delivery_does_not_overtake_an_older_one_of_its_own_subject(
    outbox: StoredOutbox, clock: FakeClock
) -> None:
    await accept(outbox, clock, "api fails", subject="api", priority=Priority.LOW)
    await accept(outbox, clock, "ui fails", subject="ui")
    await accept(outbox, clock, "api burns", subject="api", priority=Priority.CRITICAL)
    assert messages(await outbox.lease(clock.now(), 10, {CI: 10})) == ["ui fails", "api fails", "api burns"]


async def test_a_target_gets_no_more_than_it_has_room_for(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "1", "2", "3", to=CI)
    await accept(outbox, clock, "4", "5", to=OPS)
    assert messages(await outbox.lease(clock.now(), 10, {CI: 2, OPS: 0})) == ["1", "2"]
    assert messages(await outbox.lease(clock.now(), 10)) == ["4"], "one for whoever is not named, and 3 waits for 1 and 2"


async def test_a_limit_never_tears_a_hole_into_a_line(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "1", "2", "3", "4")
    assert messages(await outbox.lease(clock.now(), 3, {CI: 10})) == ["1", "2", "3"]


async def test_a_line_waits_for_its_first_that_was_not_taken(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "1", "2", subject="api")
    await accept(outbox, clock, "3", subject="ui")
    first, other = await outbox.lease(clock.now(), 2, {CI: 2})
    assert messages([first, other]) == ["1", "3"] or messages([first, other]) == ["1", "2"]
    await outbox.finish([failed(first, clock)], released=[other.delivery.id])
    assert messages(await outbox.lease(clock.now(), 10, {CI: 10})) == ["3"], "2 waits for 1, which is not due"
    clock.advance(30)
    assert messages(await outbox.lease(clock.now(), 10, {CI: 10})) == ["1", "2"]


async def test_the_next_of_a_line_has_its_turn_once_the_first_is_final(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "1", "2", "3")
    for expected in ("1", "2", "3"):
        (leased,) = await outbox.lease(clock.now(), 10)
        assert leased.event.message == expected
        await outbox.finish([ended(leased, clock, DeliveryStatus.DEAD if expected == "2" else DeliveryStatus.DELIVERED)])
    assert await outbox.lease(clock.now(), 10) == []


async def test_what_was_released_untried_is_as_it_was_before(outbox: StoredOutbox, store: MemoryStore, clock: FakeClock) -> None:
    given = an_acceptance(CI)
    await outbox.accept([given])
    (leased,) = await outbox.lease(clock.now(), 10)
    await outbox.finish([], released=[leased.delivery.id])
    assert deliveries.find(store.db, leased.delivery.id) == given.deliveries[0]
    assert deliveries.attempts(store.db, leased.delivery.id) == []


async def test_every_attempt_leaves_its_row(outbox: StoredOutbox, store: MemoryStore, clock: FakeClock) -> None:
    await accept(outbox, clock, "a")
    (leased,) = await outbox.lease(clock.now(), 1)
    await outbox.finish([failed(leased, clock)])
    clock.advance(30)
    (leased,) = await outbox.lease(clock.now(), 1)
    await outbox.finish([ended(leased, clock)])
    rows = deliveries.attempts(store.db, leased.delivery.id)
    assert [(row["n"], row["outcome"], row["answer"]) for row in rows] == [(1, "retry", "503"), (2, "delivered", "ok")]


async def test_leases_of_a_former_agent_are_void_and_say_so(outbox: StoredOutbox, store: MemoryStore, clock: FakeClock) -> None:
    await accept(outbox, clock, "a")
    (leased,) = await outbox.lease(clock.now(), 1)
    successor = StoredOutbox(store, clock)
    assert await successor.void_leases() == 1
    (row,) = deliveries.attempts(store.db, leased.delivery.id)
    assert (row["n"], row["outcome"], row["finished_at"]) == (1, "interrupted", None)
    (again,) = await successor.lease(clock.now(), 1)
    assert again.delivery.id == leased.delivery.id
    assert again.delivery.attempts == 2
    assert await successor.void_leases() == 1


async def test_what_a_person_cancelled_meanwhile_stays_cancelled(
    outbox: StoredOutbox, store: MemoryStore, clock: FakeClock
) -> None:
    await accept(outbox, clock, "a")
    (leased,) = await outbox.lease(clock.now(), 1)
    store.db.execute("UPDATE deliveries SET status = 'cancelled'")
    await outbox.finish([failed(leased, clock)])
    assert deliveries.counts(store.db)[DeliveryStatus.CANCELLED] == 1
    assert await StoredOutbox(store, clock).void_leases() == 0, "and its lease has ended"


async def test_finishing_says_whether_there_is_more_to_send(outbox: StoredOutbox, clock: FakeClock) -> None:
    await accept(outbox, clock, "first", "behind it")
    (first,) = await outbox.lease(clock.now(), 1)
    assert await outbox.finish([ended(first, clock)]), "its line has moved on"
    (behind,) = await outbox.lease(clock.now(), 1)
    assert await outbox.finish([], [behind.delivery.id]), "what was given back may be taken again"
    (behind,) = await outbox.lease(clock.now(), 1)
    assert await outbox.finish([failed(behind, clock)]), "it is to be tried again"
    clock.advance(30)
    (behind,) = await outbox.lease(clock.now(), 1)
    assert not await outbox.finish([ended(behind, clock)]), "nothing is left"


async def test_a_channel_fails_while_its_last_answer_was_no(outbox: StoredOutbox, store: MemoryStore, clock: FakeClock) -> None:
    await accept(outbox, clock, "a")
    assert deliveries.failing_channels(store.db) == frozenset()
    (leased,) = await outbox.lease(clock.now(), 1)
    await outbox.finish([failed(leased, clock)])
    assert deliveries.failing_channels(store.db) == {"webhook"}
    clock.advance(30)
    (leased,) = await outbox.lease(clock.now(), 1)
    await outbox.finish([ended(leased, clock)])
    assert deliveries.failing_channels(store.db) == frozenset()


@pytest.mark.parametrize(
    ("sql", "index"),
    [
        (module._TARGETS, "deliveries_ready"),
        (module._READY, "deliveries_ready|deliveries_in_line"),
        (module._FOLLOWERS, "deliveries_in_line"),
        (deliveries.ADVANCE, "deliveries_in_line"),
    ],
)
def test_what_may_go_next_is_found_by_an_index_alone(store: MemoryStore, sql: str, index: str) -> None:
    values = ["x"] * sql.count("?") if "?" in sql else dict.fromkeys(("channel", "recipient", "subject", "now", "room"), "1")
    plan = [row["detail"] for row in store.db.query(f"EXPLAIN QUERY PLAN {sql}", values)]
    looked_up = [step for step in plan if "deliveries" in step and "INTEGER PRIMARY KEY" not in step]
    assert looked_up, plan
    assert all(step.startswith("SEARCH") or "INDEX deliveries_ready" in step for step in looked_up), plan
    assert all(re.search(index, step) for step in looked_up), plan
    assert not any("TEMP B-TREE" in step for step in plan), plan
