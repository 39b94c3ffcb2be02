"""What a person does with deliveries: the row, its line, and what it says of what it cannot do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from buildnet_cli.delivery.breaker import Breaker, Flow
from buildnet_cli.delivery.model import Attempt, Delivery, DeliveryStatus, Leased
from buildnet_cli.delivery.router import Router
from buildnet_cli.errors import ConflictError, NotFoundError, Outcome
from buildnet_cli.routing.decision import Lane, Target
from buildnet_cli.routing.memory import EVERYBODY
from buildnet_cli.routing.rate_limit import Limits
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import deliveries, history
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.memory import StoredMemory
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, a_table, an_acceptance, an_event
from tests.support.stores import MemoryStore


class Shelf:
    """An outbox on tables in memory."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.outbox = StoredOutbox(self.store, self.clock)

    async def accept(self, note: str, *, to: Target = CI, subject: str = "api") -> str:
        given = an_acceptance(to, event=an_event(subject, message=note, at=self.clock.now()), at=self.clock.now())
        await self.outbox.accept([given])
        return given.deliveries[0].id

    async def lease(self, room: int = 1) -> list[Leased]:
        return await self.outbox.lease(self.clock.now(), 10, {CI: room, OPS: room})

    async def finish(self, leased: Leased, status: DeliveryStatus, outcome: Outcome | None = None) -> None:
        again = self.clock.now() + timedelta(hours=2) if status is DeliveryStatus.PENDING else None
        await self.outbox.finish(
            [Attempt(leased.delivery.id, self.clock.now(), self.clock.now(), outcome, "answer", status, "reason", again)]
        )

    async def given_up(self, note: str, *, to: Target = CI, status: DeliveryStatus = DeliveryStatus.DEAD) -> str:
        delivery = await self.accept(note, to=to)
        (leased,) = await self.lease()
        await self.finish(leased, status, Outcome.RETRY)
        return delivery

    def find(self, delivery_id: str) -> Delivery:
        found = deliveries.find(self.store.db, delivery_id)
        assert found is not None
        return found


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.mark.parametrize("status", [DeliveryStatus.DEAD, DeliveryStatus.EXPIRED])
async def test_what_was_given_up_is_tried_again_under_its_id_and_as_if_it_were_new(shelf: Shelf, status: DeliveryStatus) -> None:
    delivery = await shelf.given_up("1", status=status)
    shelf.clock.advance(100 * 3600)
    assert (await shelf.outbox.retry(delivery)).status is DeliveryStatus.PENDING
    (leased,) = await shelf.lease()
    assert (leased.delivery.id, leased.delivery.attempts) == (delivery, 2), "attempts go on being counted"
    assert (leased.effort.begun_at, leased.effort.earlier) == (shelf.clock.now(), {}), "what was before is forgiven"
    await shelf.finish(leased, DeliveryStatus.DELIVERED)
    assert [row["n"] for row in deliveries.attempts(shelf.store.db, delivery)] == [1, 2]
    assert deliveries.conservation(shelf.store.db).difference == 0


async def test_what_a_person_has_sent_anew_counts_in_the_rate_limits_and_what_only_hurries_does_not(shelf: Shelf) -> None:
    dead = await shelf.given_up("first")
    waiting = await shelf.accept("second", subject="ui")
    await shelf.outbox.retry(dead)
    await shelf.outbox.retry(waiting)
    memory = StoredMemory(shelf.store.db)
    for whose in (CI, EVERYBODY):
        assert memory.slot(whose, Lane.ORDINARY, 1) == shelf.clock.now()
        assert memory.slot(whose, Lane.ORDINARY, 2) is None


async def test_what_waits_for_its_next_try_waits_no_longer(shelf: Shelf) -> None:
    delivery = await shelf.accept("1")
    (leased,) = await shelf.lease()
    await shelf.finish(leased, DeliveryStatus.PENDING, Outcome.RETRY)
    assert await shelf.lease() == []
    await shelf.outbox.retry(delivery)
    (leased,) = await shelf.lease()
    assert leased.effort.earlier == {Outcome.RETRY: 1}, "it has not been given up, so what was tried still counts"


async def test_everything_that_was_given_up_is_tried_again_on_one_channel_or_on_all(shelf: Shelf) -> None:
    first, second = await shelf.given_up("1", to=CI), await shelf.given_up("2", to=OPS)
    assert [each.id for each in await shelf.outbox.retry_failed("webhook:ops", Limits())] == [second]
    assert [each.id for each in await shelf.outbox.retry_failed("sms", Limits())] == []
    assert [each.id for each in await shelf.outbox.retry_failed(None, Limits())] == [first]
    assert shelf.find(first).status is shelf.find(second).status is DeliveryStatus.PENDING


async def test_what_is_over_the_limits_is_held_for_a_summary_and_one_alone_never_is(shelf: Shelf) -> None:
    limits = Limits.of(per_minute=10, per_hour=100, critical=0)
    alone = await shelf.accept("alone")
    await shelf.outbox.cancel(alone)
    dead = [await shelf.given_up(f"{number}") for number in range(300)]
    retried = await shelf.outbox.retry_failed(None, limits)
    assert [each.id for each in retried] == dead
    standing = Counter(each.status for each in retried)
    assert standing == {DeliveryStatus.PENDING: limits.each[0].ordinary, DeliveryStatus.HELD: 300 - limits.each[0].ordinary}
    assert [each.status for each in retried] == sorted((each.status for each in retried), reverse=True), "the oldest are sent"
    assert {each.hold for each in retried if each.status is DeliveryStatus.HELD} == {"rate_limit"}
    assert deliveries.conservation(shelf.store.db).difference == 0
    assert (await shelf.outbox.retry(alone)).status is DeliveryStatus.PENDING


async def test_a_held_summary_of_what_was_redriven_tells_of_all_of_it(shelf: Shelf) -> None:
    router = Router(Rules(a_table(CI, OPS), limits=Limits.of(per_minute=10, per_hour=100, critical=0)))
    for number in range(50):
        await shelf.given_up(f"{number}")
    await shelf.outbox.retry_failed(None, router.rules.limits)
    shelf.clock.advance(120)
    assert await StoredIntake(shelf.store, shelf.clock).release(router) == 1
    (told,) = shelf.store.db.execute("SELECT message FROM events WHERE type GLOB 'digest*'").fetchone()
    assert told.startswith("41 held"), told
    assert await shelf.outbox.retry_failed(None, router.rules.limits) == []
    (summary,) = shelf.store.db.execute("SELECT id FROM deliveries WHERE subject = '' AND status = 'pending'").fetchone()
    shelf.store.db.execute("UPDATE deliveries SET status = 'dead' WHERE id = ?", [summary])
    (again,) = await shelf.outbox.retry_failed(None, Limits.of(per_minute=1, per_hour=1, critical=0))
    assert (again.id, again.status) == (summary, DeliveryStatus.PENDING), "a summary is not summed up again"
    assert deliveries.conservation(shelf.store.db).difference == 0


async def test_a_line_has_one_turn_however_often_it_is_redriven(shelf: Shelf) -> None:
    dead = await shelf.given_up("1")
    await shelf.accept("2")
    await shelf.accept("3")
    await shelf.outbox.retry(dead)
    (turns,) = shelf.store.db.execute("SELECT count(*) FROM deliveries WHERE has_turn = 1").fetchone()
    assert turns == 1
    sent = []
    while leased := await shelf.lease(10):
        for each in leased:
            sent.append(each.event.message)
            await shelf.finish(each, DeliveryStatus.DELIVERED)
    assert sorted(sent) == ["1", "2", "3"]
    assert sent.index("2") < sent.index("3")


@pytest.mark.parametrize("status", [DeliveryStatus.DELIVERED, DeliveryStatus.SUPPRESSED])
async def test_what_was_delivered_or_suppressed_is_not_tried_again(shelf: Shelf, status: DeliveryStatus) -> None:
    delivery = await shelf.given_up("1", status=status)
    with pytest.raises(ConflictError, match=status.value):
        await shelf.outbox.retry(delivery)


async def test_what_is_cancelled_lets_its_line_go_on(shelf: Shelf) -> None:
    first = await shelf.accept("1")
    await shelf.accept("2")
    assert (await shelf.outbox.cancel(first)).status is DeliveryStatus.CANCELLED
    (leased,) = await shelf.lease()
    assert leased.event.message == "2"
    assert (await shelf.outbox.retry(first)).status is DeliveryStatus.PENDING, "a slip can be undone"


async def test_what_has_come_to_its_end_cannot_be_cancelled(shelf: Shelf) -> None:
    delivery = await shelf.given_up("1")
    with pytest.raises(ConflictError, match="dead"):
        await shelf.outbox.cancel(delivery)


async def test_what_arrived_all_the_same_is_said_to_be_delivered(shelf: Shelf) -> None:
    delivery = await shelf.accept("1")
    (leased,) = await shelf.lease()
    await shelf.outbox.cancel(delivery)
    await shelf.finish(leased, DeliveryStatus.DELIVERED)
    assert shelf.find(delivery).status is DeliveryStatus.DELIVERED


async def test_an_unknown_id_is_said_to_be_one(shelf: Shelf) -> None:
    for change in (shelf.outbox.retry, shelf.outbox.cancel):
        with pytest.raises(NotFoundError, match="dlv_x"):
            await change("dlv_x")


@pytest.mark.parametrize("flow", [Flow.FAILING, Flow.HELD])
async def test_what_waits_behind_a_target_that_takes_nothing_says_so(shelf: Shelf, flow: Flow) -> None:
    delivery = await shelf.accept("1")
    due = shelf.clock.now() + timedelta(minutes=15)
    await shelf.outbox.finish([], breakers={CI: Breaker(flow, shelf.clock.now(), not_before=due, answer="ci answered 401")})
    shown = history.delivery(shelf.store.db, delivery)
    assert shown is not None
    assert shown["reason"] == f"webhook:ci is {flow.value}: ci answered 401"
    assert shown["next_attempt_at"] == "2024-01-26T12:15:00.000Z"
    assert history.deliveries(shelf.store.db, limit=1).items[0]["reason"] == shown["reason"]
