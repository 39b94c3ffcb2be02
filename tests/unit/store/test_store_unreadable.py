"""A row that cannot be read is set aside, and everything else goes on as if it were not there."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.intake import Incoming
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.delivery.router import Router
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.routing.rate_limit import Limits
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import deliveries, history, unreadable
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, ScriptedChannel, a_table, an_acceptance, an_event, as_message, settle, until
from tests.support.stores import MemoryStore

GARBAGE = {
    "a time of acceptance that is none": "UPDATE deliveries SET created_at = 'yesterday' WHERE id = :delivery",
    "a due time that is none": "UPDATE deliveries SET next_attempt_at = '2026-13-77' WHERE id = :delivery",
    "a due time beyond all times": "UPDATE deliveries SET next_attempt_at = 'whenever' WHERE id = :delivery",
    "a time of trying anew that is none": "UPDATE deliveries SET anew_at = 'once', attempts = 1 WHERE id = :delivery",
    "a priority that is none": "UPDATE events SET priority = 'urgent' WHERE id = :event",
    "a payload cut off": 'UPDATE events SET payload = \'{"package": "a\' WHERE id = :event',
    "a time of the event that is none": "UPDATE events SET timestamp = '' WHERE id = :event",
    "no event": "UPDATE deliveries SET event_id = 'evt_gone' WHERE id = :delivery",
}


class Desk:
    """A dispatcher and an intake over tables that somebody has spoiled."""

    def __init__(self) -> None:
        self.clock, self.store, self.channel = FakeClock(), MemoryStore(), ScriptedChannel()
        self.outbox, self.intake = StoredOutbox(self.store, self.clock), StoredIntake(self.store, self.clock)
        outlets = Outlets({"webhook": self.channel}, frozenset({CI}))
        self.dispatcher = Dispatcher(self.outbox, outlets, as_message, self.clock)

    async def accept(self, note: str) -> dict[str, str]:
        given = an_acceptance(CI, event=an_event(message=note, at=self.clock.now()), at=self.clock.now())
        await self.outbox.accept([given])
        return {"event": given.event.id, "delivery": given.deliveries[0].id}

    def spoil(self, sql: str, ids: dict[str, str]) -> None:
        self.store.db.execute("PRAGMA foreign_keys = OFF")
        self.store.db.execute(sql, ids)


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize("sql", GARBAGE.values(), ids=GARBAGE)
async def test_a_row_that_cannot_be_read_is_dead_with_the_reason_and_all_others_are_sent(desk: Desk, sql: str) -> None:
    await desk.accept("before")
    spoiled = await desk.accept("spoiled")
    await desk.accept("after")
    desk.spoil(sql, spoiled)
    running = asyncio.create_task(desk.dispatcher.run())
    await until(lambda: deliveries.counts(desk.store.db)[DeliveryStatus.DEAD] == 1)
    await until(lambda: deliveries.counts(desk.store.db)[DeliveryStatus.DELIVERED] == 2)
    await settle()
    assert desk.dispatcher.trouble == ""
    await desk.dispatcher.stop(1)
    await running
    assert desk.channel.texts() == ["before", "after"]
    (dead,) = history.deliveries(desk.store.db, limit=9, is_failed=True).items
    assert dead["id"] == spoiled["delivery"]
    assert dead["reason"].startswith(unreadable.REASON)
    assert unreadable.count(desk.store.db) == 1
    assert deliveries.conservation(desk.store.db).difference == 0


@pytest.mark.parametrize("sql", [sql for sql in GARBAGE.values() if "anew_at" not in sql])
async def test_what_was_held_and_cannot_be_read_stops_no_release(desk: Desk, sql: str) -> None:
    spoiled = await desk.accept("spoiled")
    others = [await desk.accept(str(number)) for number in range(2)]
    desk.store.db.execute("UPDATE deliveries SET status = 'held', hold = 'batch', has_turn = 0")
    desk.spoil(sql, spoiled)
    assert await desk.intake.next_release() is not None
    assert await desk.intake.release(Router(Rules(a_table(CI)))) == 1
    assert await desk.intake.next_release() is None
    told = [each.folded_into for id_ in others if (each := deliveries.find(desk.store.db, id_["delivery"]))]
    assert None not in told
    assert unreadable.count(desk.store.db) == 1


async def test_trying_everything_anew_passes_over_what_cannot_be_read(desk: Desk) -> None:
    ids = [await desk.accept(str(number)) for number in range(3)]
    desk.store.db.execute("UPDATE deliveries SET status = 'dead', has_turn = 0")
    desk.spoil(GARBAGE["a payload cut off"], ids[1])
    retried = await desk.outbox.retry_failed(None, Limits())
    assert [each.id for each in retried] == [ids[0]["delivery"], ids[2]["delivery"]]


REMEMBERED = {
    "a breaker in no state": "INSERT INTO breakers VALUES ('webhook', 'ci', 'sulking', NULL, 0, '', 0, NULL, '')",
    "a breaker that is shut until no time": "INSERT INTO breakers VALUES ('webhook', 'ci', 'held', NULL, 0, '', 9, 'later', '')",
    "an alarm at no time": "INSERT INTO alarms VALUES ('webhook:ci', 'then', 1)",
    "a mute that ends at no time": "INSERT INTO mutes VALUES ('mute_1', '*', NULL, 'someday', '', 'once', 'me')",
    "a mute of no pattern": "INSERT INTO mutes VALUES ('mute_1', 'a..b', NULL, '2999-01-01T00:00:00.000Z', '', 'once', 'me')",
    "an event accepted at no time": "UPDATE events SET accepted_at = ''",
    "a message told at no time": "INSERT INTO told SELECT 'webhook', 'ci', 'x', id, 'a.b', 'low', 'then', '', 0 FROM deliveries",
}


@pytest.mark.parametrize("sql", REMEMBERED.values(), ids=REMEMBERED)
async def test_a_memory_that_cannot_be_read_stops_nobody(desk: Desk, sql: str) -> None:
    await desk.accept("stored")
    desk.spoil(sql, {})
    await desk.outbox.void_leases()
    await desk.outbox.mind_clock_step(timedelta(hours=-1))
    assert await desk.outbox.told() == {}
    event = an_event(message="new", at=desk.clock.now())
    await desk.intake.accept([Incoming(event)], Router(Rules(a_table(CI))), desk.clock.now())
    running = asyncio.create_task(desk.dispatcher.run())
    await until(lambda: desk.channel.texts() == ["stored", "new"])
    await desk.dispatcher.stop(1)
    await running
