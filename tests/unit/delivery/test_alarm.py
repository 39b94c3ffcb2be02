"""Who is told that a channel fails, how often, and that a restart neither repeats nor forgets it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from buildnet_cli.delivery.alarm import Alarm, Told
from buildnet_cli.delivery.breaker import Breaker, Flow
from buildnet_cli.delivery.outbox import Write
from buildnet_cli.errors import StorageError
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.routing.decision import Target
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import START, FakeClock
from tests.support.deliveries import CI, OPS, an_acceptance, an_event
from tests.support.stores import MemoryStore

FAILING = Breaker(Flow.FAILING, START, in_a_row=5, answer="503")
HELD = Breaker(Flow.HELD, START, answer="401")


class Watch:
    """An alarm over real tables, with breakers that a test sets."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.outbox = StoredOutbox(self.store, self.clock)
        self.breakers: dict[Target, Breaker] = {}
        self.drafts: list[EventDraft] = []
        self.restart()

    def restart(self) -> None:
        self.alarm = Alarm(self.outbox, lambda: self.breakers, self._accept, self.clock)

    async def _accept(self, draft: EventDraft, along_with: Sequence[Write]) -> Event:
        event = an_event(draft.subject, type=draft.type, message=draft.message)
        await self.outbox.accept([an_acceptance(event=event)], along_with)
        self.drafts.append(draft)
        return event

    async def tell(self) -> list[tuple[str, str]]:
        """What is told now."""
        self.drafts.clear()
        await self.alarm.tell()
        return [(draft.type, draft.subject) for draft in self.drafts]


@pytest.fixture
def watch() -> Watch:
    return Watch()


async def test_nothing_is_told_while_everybody_takes_their_messages(watch: Watch) -> None:
    watch.breakers = {CI: Breaker(recent="+-+", in_a_row=0)}
    assert await watch.tell() == []


@pytest.mark.parametrize("breaker", [FAILING, HELD, Breaker(Flow.REFUSING, START, answer="404")])
async def test_a_trouble_is_told_with_what_is_known_of_it(watch: Watch, breaker: Breaker) -> None:
    await watch.outbox.accept([an_acceptance(CI), an_acceptance(CI), an_acceptance(OPS)])
    watch.breakers = {CI: breaker}
    watch.clock.advance(90)
    assert await watch.tell() == [("channel.failing", "webhook:ci")]
    (draft,) = watch.drafts
    assert draft.payload == {
        "channel": "webhook",
        "recipient": "ci",
        "state": breaker.flow.value,
        "answer": breaker.answer,
        "waiting": 2,
        "for_secs": 90,
    }


async def test_a_trouble_that_lasts_is_told_once_an_hour(watch: Watch) -> None:
    watch.breakers = {CI: FAILING}
    told = 0
    for _ in range(180):
        told += len(await watch.tell())
        watch.clock.advance(60)
    assert told == 3


async def test_a_trouble_that_comes_and_goes_is_told_once_an_hour_at_most(watch: Watch) -> None:
    told: list[tuple[str, str]] = []
    for minute in range(120):
        watch.breakers = {CI: FAILING} if minute % 2 else {}
        told += await watch.tell()
        watch.clock.advance(60)
    assert [type_ for type_, _ in told] == ["channel.failing", "channel.recovered"] * 2


async def test_the_end_of_a_trouble_is_told_once(watch: Watch) -> None:
    watch.breakers = {CI: FAILING, OPS: HELD}
    assert len(await watch.tell()) == 2
    watch.breakers = {OPS: HELD}
    assert await watch.tell() == [("channel.recovered", "webhook:ci")]
    assert await watch.tell() == []


async def test_a_restart_neither_repeats_nor_forgets(watch: Watch) -> None:
    watch.breakers = {CI: FAILING}
    await watch.tell()
    watch.restart()
    assert await watch.tell() == []
    watch.breakers = {}
    watch.restart()
    assert await watch.tell() == [("channel.recovered", "webhook:ci")]


async def test_recipients_that_share_a_way_out_are_one_trouble(watch: Watch) -> None:
    watch.breakers = {Target("sms", "Dana"): HELD, Target("sms", "Kim"): HELD}
    assert await watch.tell() == [("channel.failing", "sms")]


async def test_what_could_not_be_stored_is_told_later(watch: Watch) -> None:
    watch.breakers = {CI: FAILING}
    watch.store.refuses = True
    with pytest.raises(StorageError):
        await watch.tell()
    watch.store.refuses = False
    assert await watch.tell() == [("channel.failing", "webhook:ci")]
    assert await watch.outbox.told() == {"webhook:ci": Told(START, is_open=True)}


async def test_a_clock_that_was_set_back_silences_nobody(watch: Watch) -> None:
    watch.breakers = {CI: FAILING}
    await watch.tell()
    watch.clock.step(-timedelta(days=365).total_seconds())
    assert await watch.tell() == [("channel.failing", "webhook:ci")]
