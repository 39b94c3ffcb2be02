"""One event in many makes our own code fail whenever it is rendered: it is set aside, and all the others pass."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render
from buildnet_cli.store import deliveries
from tests.support.chance import IS_LONG
from tests.support.clocks import FakeClock
from tests.support.house import House, a_house, until_final
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

EVENTS = 900 if IS_LONG else 150
SUBJECTS = 10
FINISHED = "SELECT count(*) FROM attempts JOIN deliveries ON deliveries.id = delivery_id WHERE event_id = ?"
UNHINDERED = {"dedup_window_secs": 0, "rate_limit": {"max_per_minute": 100_000, "max_per_hour": 1_000_000}}


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


def render_or_fail(event: Event) -> Message:
    if event.message == "poison":
        raise ZeroDivisionError("a mistake of ours")
    return render(event)


def elapse(house: House, seconds: float) -> None:
    house.clock.advance(seconds)
    house.dispatcher.wake()


async def until_tried(house: House, event: Event, times: int) -> None:
    async with asyncio.timeout(10):
        while await house.store.read(lambda db: db.execute(FINISHED, [event.id]).fetchone()[0]) < times:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.01)


async def test_a_poisonous_event_is_set_aside_and_delays_only_its_own_line(tmp_path: Path, inbox: HttpInbox) -> None:
    async with a_house(tmp_path / "notify.db", FakeClock(), inbox, UNHINDERED, render=render_or_fail) as house:
        poison = await house.emit("custom.a", "s0", message="poison")
        events = [await house.emit("custom.a", f"s{number % SUBJECTS}", message=str(number)) for number in range(EVENTS)]
        behind = [event for event in events if event.subject == "s0"]
        await house.heard(EVENTS - len(behind))
        for attempts, secs in ((1, 10), (2, 60)):
            await until_tried(house, poison, attempts)
            elapse(house, secs)
        received = await house.heard(EVENTS)
        assert [got.body["id"] for got in received[-len(behind) :]] == [event.id for event in behind], "in order"
        await until_final(house, delivered=EVENTS, dead=1)
        ((dead,),) = [await house.store.read(lambda db: deliveries.of_event(db, poison.id))]
        assert "our own code fail" in dead.reason
