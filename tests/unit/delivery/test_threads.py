"""Messages about one incident know of each other, so that a provider can show them in one place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.messages.model import Tone
from buildnet_cli.messages.render import render, updated
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, ScriptedChannel, a_router, until
from tests.support.messages import SAMPLES
from tests.support.stores import MemoryStore


class House:
    """Everything between an event and a channel that numbers what it takes."""

    def __init__(self) -> None:
        clock, store = FakeClock(), MemoryStore()
        self.channel = ScriptedChannel()
        router = a_router(CI, OPS)
        self.dispatcher = Dispatcher(
            StoredOutbox(store, clock), Outlets({"webhook": self.channel}, frozenset({CI, OPS})), render, clock
        )
        self._ingest = Ingest(StoredIntake(store, clock), EventBus(), clock, router, wake=self.dispatcher.wake)

    async def tell(self, event_type: str, subject: str = "api") -> list[OutgoingMessage]:
        """What the channel was handed because of an event, by recipient."""
        before = len(self.channel.sent)
        for recipient in ("ci", "ops"):
            self.channel.receipts[recipient] = Receipt("ok", ref=f"{recipient}/{event_type}/{subject}")
        await self._ingest.accept(EventDraft(event_type, subject=subject), source="test")
        await until(lambda: len(self.channel.sent) == before + 2)
        return sorted(self.channel.sent[before:], key=lambda each: each.target.recipient)

    async def accept_together(self, *event_types: str) -> None:
        """Hand in events about one subject at the same time."""
        drafts = [EventDraft(event_type, subject="api") for event_type in event_types]
        await asyncio.gather(*(self._ingest.accept(draft, source="test") for draft in drafts))


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    running = asyncio.create_task(house.dispatcher.run())
    yield house
    await house.dispatcher.stop(1)
    await running


async def test_what_follows_on_a_problem_refers_to_its_first_message_at_each_target(house: House) -> None:
    opened = await house.tell("build.failed")
    again = await house.tell("build.failed")
    closed = await house.tell("build.completed")
    assert [each.thread for each in opened] == [None, None]
    assert len({each.incident for each in (*opened, *again, *closed)}) == 1
    for later in (again, closed):
        refs = [each.thread.ref for each in later if each.thread is not None]
        assert refs == ["ci/build.failed/api", "ops/build.failed/api"]
    assert closed[0].thread is not None
    assert (closed[0].thread.updated.title, closed[0].thread.updated.was) == ("api ok", "api FAILED")


async def test_the_next_problem_begins_a_thread_of_its_own(house: House) -> None:
    first = await house.tell("build.failed")
    await house.tell("build.completed")
    second = await house.tell("build.failed")
    assert second[0].thread is None
    assert second[0].incident != first[0].incident


async def test_a_problem_and_its_end_that_were_leased_together_are_one_thread(house: House) -> None:
    for number in range(4):
        await house.tell("custom.x", f"so that much is leased at once {number}")
    before = len(house.channel.sent)
    for recipient in ("ci", "ops"):
        house.channel.receipts[recipient] = Receipt("ok", ref=f"{recipient}/first")
    await house.accept_together("build.failed", "build.completed")
    await until(lambda: len(house.channel.sent) == before + 4)
    for recipient in ("ci", "ops"):
        failed, completed = [each for each in house.channel.sent[before:] if each.target.recipient == recipient]
        assert failed.thread is None
        assert completed.thread is not None
        assert completed.thread.ref == f"{recipient}/first"


async def test_other_subjects_and_plain_facts_belong_to_no_thread(house: House) -> None:
    await house.tell("build.failed")
    other = await house.tell("build.failed", "web")
    fact = await house.tell("custom.note")
    success = await house.tell("build.completed", "docs")
    assert [message.thread for message in (*other, *fact, *success)] == [None] * 6
    assert (fact[0].incident, success[0].incident) == ("", "")


def test_a_first_message_brought_up_to_date_keeps_what_it_told() -> None:
    failed, fixed = render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"])
    shown = updated(failed, fixed)
    assert (shown.title, shown.was, shown.tone) == (fixed.title, failed.title, Tone.GOOD)
    assert (shown.line, shown.code, shown.event) == (failed.line, failed.code, failed.event)
    assert shown.actions == fixed.actions
    assert updated(failed, failed).was == ""
