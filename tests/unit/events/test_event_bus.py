"""Every listener hears every event in order, or is told how many it missed."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest

from buildnet_cli.events.bus import EventBus, Lagged
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority


def event(number: int) -> Event:
    return Event(f"evt_{number}", "build.started", Priority.LOW, "", "api", "test", datetime(2024, 1, 26, tzinfo=UTC), {})


async def test_every_listener_hears_every_event_in_order() -> None:
    bus = EventBus()
    with bus.subscribe() as one, bus.subscribe() as other:
        for number in range(3):
            bus.publish(event(number))
        for listener in (one, other):
            assert [(await listener.next()).id for _ in range(3)] == ["evt_0", "evt_1", "evt_2"]


async def test_a_listener_waits_for_the_next_event() -> None:
    bus = EventBus()
    with bus.subscribe() as listener:
        waiting = asyncio.create_task(listener.next())
        await asyncio.sleep(0)
        assert not waiting.done()
        bus.publish(event(1))
        assert (await waiting).id == "evt_1"


async def test_a_listener_hears_nothing_from_before_it_came_or_after_it_went() -> None:
    bus = EventBus(size=1)
    bus.publish(event(1))
    with bus.subscribe() as listener:
        bus.publish(event(2))
        assert (await listener.next()).id == "evt_2"
    bus.publish(event(3))
    bus.publish(event(4))
    with pytest.raises(asyncio.TimeoutError):
        await asyncio.wait_for(listener.next(), 0)


async def test_a_slow_listener_is_told_once_how_many_it_missed_after_the_last_before_the_gap() -> None:
    bus = EventBus(size=2)
    with bus.subscribe() as listener:
        for number in range(5):
            bus.publish(event(number))
        assert [(await listener.next()).id for _ in range(2)] == ["evt_0", "evt_1"]
        with pytest.raises(Lagged, match="missed 3 events") as caught:
            await listener.next()
        assert caught.value.missed == 3
        bus.publish(event(5))
        assert (await listener.next()).id == "evt_5"


async def test_a_gap_is_not_filled_from_its_far_side() -> None:
    bus = EventBus(size=2)
    with bus.subscribe() as listener:
        for number in range(3):
            bus.publish(event(number))
        await listener.next()
        bus.publish(event(3))
        assert (await listener.next()).id == "evt_1"
        with pytest.raises(Lagged, match="missed 2 events"):
            await listener.next()


async def test_a_slow_listener_costs_the_others_nothing() -> None:
    bus = EventBus(size=2)
    with bus.subscribe(), bus.subscribe() as quick:
        for number in range(10):
            bus.publish(event(number))
            assert (await quick.next()).id == f"evt_{number}"


async def test_a_listener_that_fails_is_forgotten() -> None:
    bus = EventBus()
    with pytest.raises(RuntimeError), bus.subscribe():
        raise RuntimeError
    assert not bus._subscriptions
