"""Live events without a gap: what a listener missed is read from the store, and nothing comes twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from buildnet_cli.api.feed import Feed, Wanted, read_wanted
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.errors import UsageError
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.store.intake import StoredIntake
from tests.support.clocks import FakeClock
from tests.support.deliveries import a_router, settle
from tests.support.stores import MemoryStore


class House:
    """A door for events, and listeners behind it. size: how far a listener may fall behind the bus."""

    def __init__(self, size: int = 4) -> None:
        self.clock, self.bus, store = FakeClock(), EventBus(size=size), MemoryStore()
        self._ingest = Ingest(StoredIntake(store, self.clock), self.bus, self.clock, a_router(), wake=lambda: None)
        self.feed = Feed(self.bus, store)
        self._listening: list[asyncio.Task[None]] = []

    async def tell(self, *notes: str, **fields: Any) -> list[Event]:
        return [
            await self._ingest.accept(EventDraft(fields.get("type", "custom.note"), note, fields.get("subject", "")), source="t")
            for note in notes
        ]

    async def listen(self, wanted: Wanted | None = None) -> list[str]:
        """What a listener has heard so far; more is added as it comes."""
        heard: list[str] = []
        self._listening.append(asyncio.create_task(self._hear(wanted or Wanted(), heard)))
        await settle()
        return heard

    async def _hear(self, wanted: Wanted, heard: list[str]) -> None:
        async for event in self.feed.follow(wanted):
            heard.append(event.message)

    async def end(self) -> None:
        for task in self._listening:
            task.cancel()
        await asyncio.gather(*self._listening, return_exceptions=True)


@pytest.fixture
async def house() -> AsyncIterator[House]:
    house = House()
    yield house
    await house.end()


async def test_a_listener_hears_what_comes_after_it(house: House) -> None:
    await house.tell("before")
    heard = await house.listen()
    await house.tell("a", "b")
    await settle()
    assert heard == ["a", "b"]


async def test_a_listener_gets_what_it_missed_and_then_what_comes_each_once(house: House) -> None:
    (last, *_) = await house.tell("known", "missed 1", "missed 2")
    heard = await house.listen(Wanted(since=last.id))
    await house.tell("live")
    await settle()
    assert heard == ["missed 1", "missed 2", "live"]


async def test_a_listener_may_want_everything_since_a_time(house: House) -> None:
    await house.tell("old")
    house.clock.advance(60)
    moment = house.clock.now()
    await house.tell("new")
    assert await house.listen(Wanted(since=moment)) == ["new"]
    assert await house.listen(Wanted(since=moment + timedelta(hours=1))) == []


async def test_a_listener_that_falls_behind_is_served_from_the_store(house: House) -> None:
    heard = await house.listen()
    notes = [str(number) for number in range(50)]
    await house.tell("first")
    await settle()
    await house.tell(*notes)  # without a pause, so that the bus has no room for them all
    await settle()
    assert heard == ["first", *notes]


async def test_a_listener_that_fell_behind_before_it_heard_anything_misses_nothing(house: House) -> None:
    await house.tell("before")
    heard = await house.listen()
    notes = [str(number) for number in range(50)]
    await house.tell(*notes)
    await settle()
    assert heard == notes


async def test_only_what_is_wanted_comes(house: House) -> None:
    await house.tell("x", type="build.failed", subject="api")
    (last, *_) = await house.tell("y", type="build.failed", subject="api")
    by_type = await house.listen(read_wanted(["build.*"], None, None, None))
    by_subject = await house.listen(read_wanted([], None, "ui", last.id))
    by_priority = await house.listen(read_wanted([], "high", None, None))
    await house.tell("1", type="build.failed", subject="ui")
    await house.tell("2", type="custom.note", subject="ui")
    await settle()
    assert (by_type, by_subject, by_priority) == (["1"], ["1", "2"], ["1"])


@pytest.mark.parametrize(
    ("types", "priority", "since", "where"),
    [
        (["fail*"], None, None, "type"),
        ([], "urgent", None, "priority"),
        ([], None, "yesterday", "since"),
        ([], None, "", "since"),
    ],
)
def test_what_cannot_be_wanted_is_refused(types: list[str], priority: str | None, since: str | None, where: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_wanted(types, priority, None, since)
    assert caught.value.where == where


async def test_an_unknown_event_is_no_place_to_begin(house: House) -> None:
    following = house.feed.follow(Wanted(since="evt_gone"))
    with pytest.raises(UsageError, match="no event evt_gone"):
        await anext(following)


async def test_every_listener_ends_when_the_bus_is_closed(house: House) -> None:
    await house.tell("before")
    following = house.feed.follow(Wanted())
    waiting = asyncio.ensure_future(anext(following, None))
    await settle()
    house.bus.close()
    assert await waiting is None
