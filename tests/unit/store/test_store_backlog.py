"""What could not be told in time becomes one message, and nothing of it is lost on the way."""

from __future__ import annotations

import asyncio

import pytest

from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.delivery.router import Router
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from buildnet_cli.routing.rate_limit import Limits
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import deliveries
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, ScriptedChannel, a_table, an_acceptance, an_event, settle, until
from tests.support.stores import MemoryStore


class Outage:
    """A chat and an endpoint for programs, both down."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.outbox = StoredOutbox(self.store, self.clock)
        self.intake = StoredIntake(self.store, self.clock)
        self.router = Router(Rules(a_table(CI, OPS)))
        self.channel = ScriptedChannel()
        self.dispatcher = self.new_dispatcher()

    def new_dispatcher(self) -> Dispatcher:
        return Dispatcher(
            self.outbox,
            Outlets({"webhook": self.channel}, frozenset({CI, OPS}), folding=frozenset({CI})),
            render,
            self.clock,
            fold=lambda targets: self.intake.fold_backlog(self.router, targets),
        )

    async def accept(self, count: int, *, first: int = 0) -> None:
        for number in range(first, first + count):
            event = an_event(f"s{number}", type="build.failed", message=f"m{number}", at=self.clock.now())
            await self.outbox.accept([an_acceptance(CI, OPS, event=event, at=self.clock.now())])
        self.dispatcher.wake()

    def titles(self, target: object) -> list[str]:
        return [each.message.title for each in self.channel.sent if each.target == target]


@pytest.fixture
def outage() -> Outage:
    return Outage()


async def test_a_chat_gets_its_backlog_in_one_message_and_a_program_gets_each_one(outage: Outage) -> None:
    down = [ChannelError("503", outcome=Outcome.RETRY)] * 5
    outage.channel.fail("ci", *down)
    outage.channel.fail("ops", *down)
    running = asyncio.create_task(outage.dispatcher.run())
    await outage.accept(12)
    await until(lambda: len(outage.channel.tried) == 10)
    await settle()
    outage.clock.advance(3600)
    await outage.accept(1, first=12)
    outage.dispatcher.wake()
    await until(lambda: outage.titles(OPS) and len(outage.titles(OPS)) == 13)
    await until(lambda: deliveries.counts(outage.store.db)[DeliveryStatus.PENDING] == 0)
    told = outage.titles(CI)
    assert len(told) == 3, "the probe, the digest, and what is new"
    assert "11 delayed: build.failed ×11" in " ".join(told)
    assert deliveries.counts(outage.store.db)[DeliveryStatus.DELIVERED] == 13 + 13 + 1
    assert deliveries.conservation(outage.store.db).difference == 0
    await outage.dispatcher.stop(1)
    await running


async def test_what_waited_while_no_agent_ran_is_told_in_one_message_as_well(outage: Outage) -> None:
    await outage.accept(5)
    outage.clock.advance(901)
    assert await outage.intake.fold_backlog(outage.router, [CI]) == 5
    assert deliveries.counts(outage.store.db)[DeliveryStatus.HELD] == 5
    assert deliveries.counts(outage.store.db)[DeliveryStatus.PENDING] == 5 + 1
    assert await outage.intake.fold_backlog(outage.router, [CI]) == 0, "and a digest is not folded again"


@pytest.mark.parametrize(("count", "secs"), [(2, 86_400), (50, 899)])
async def test_a_few_or_what_is_not_old_is_sent_as_it_is(outage: Outage, count: int, secs: float) -> None:
    await outage.accept(count)
    outage.clock.advance(secs)
    assert await outage.intake.fold_backlog(outage.router, [CI, OPS]) == 0


async def test_what_is_under_way_is_left_alone(outage: Outage) -> None:
    await outage.accept(5)
    outage.clock.advance(901)
    leased = await outage.outbox.lease(outage.clock.now(), 10, {CI: 3, OPS: 0})
    assert await outage.intake.fold_backlog(outage.router, [CI]) == 0
    assert len(leased) == 3


async def test_a_member_of_a_digest_is_not_retried_or_cancelled_alone(outage: Outage) -> None:
    await outage.accept(3)
    outage.clock.advance(901)
    await outage.intake.fold_backlog(outage.router, [CI])
    (member, digest) = outage.store.db.execute("SELECT id, folded_into FROM deliveries WHERE folded_into IS NOT NULL").fetchone()
    for change in (outage.outbox.retry, outage.outbox.cancel):
        with pytest.raises(Exception, match="digest") as refused:
            await change(member)
        assert digest in refused.value.hint
    await outage.outbox.cancel(digest)
    assert deliveries.counts(outage.store.db)[DeliveryStatus.CANCELLED] == 4
    await outage.outbox.retry(digest)
    assert deliveries.counts(outage.store.db)[DeliveryStatus.HELD] == 3
    assert await outage.outbox.retry_failed(None, Limits()) == []
