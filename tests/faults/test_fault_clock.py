"""The wall clock jumps, and nights have an hour more or less: nothing is lost, nothing waits for a time that has been already."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.support.agent import Project, wait_for
from tests.support.chance import rounds
from tests.support.checker import check, must_add_up
from tests.support.clocks import START, FakeClock
from tests.support.faked_time import FakedTime
from tests.support.house import House, a_house, until_final
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.lives import Lives, unhindered, until_settled
from tests.support.producer import Producer
from tests.support.provider import Provider
from tests.support.skips import needs_program

pytestmark = pytest.mark.integration

HOUR, YEAR = 3600, 365 * 86400
STEPS = pytest.mark.parametrize("step_secs", [-HOUR, HOUR, -YEAR, YEAR], ids=["1 h back", "1 h on", "1 y back", "1 y on"])

NIGHTS = {
    "New York, an hour less": ("America/New_York", "2026-03-07"),
    "New York, an hour more": ("America/New_York", "2026-10-31"),
    "Berlin, an hour less": ("Europe/Berlin", "2026-03-28"),
    "Berlin, an hour more": ("Europe/Berlin", "2026-10-24"),
    "Lord Howe Island, half an hour less": ("Australia/Lord_Howe", "2026-10-03"),
    "Lord Howe Island, half an hour more": ("Australia/Lord_Howe", "2026-04-04"),
}


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notify.db"


def quiet(zone: str, end: str = "08:00") -> dict[str, Any]:
    return {"quiet_hours": {"start": "22:00", "end": end, "timezone": zone}}


def elapse(house: House, seconds: float) -> None:
    """Let time pass, as both clocks show it."""
    house.clock.advance(seconds)
    house.releaser.wake()
    house.dispatcher.wake()


async def jump(house: House, seconds: int) -> None:
    """Set the wall clock, and let it be noticed, as it is within a minute."""
    house.move(house.clock.now() + timedelta(seconds=seconds))
    await asyncio.sleep(0.2)


@pytest.mark.parametrize("night", NIGHTS)
async def test_a_night_in_which_the_clocks_change_is_told_whole_when_it_ends(path: Path, inbox: HttpInbox, night: str) -> None:
    zone, date = NIGHTS[night]
    begins = datetime.fromisoformat(f"{date}T22:00").replace(tzinfo=ZoneInfo(zone))
    ends = (begins + timedelta(hours=10)).astimezone(UTC)  # ten hours by the clock on the wall, and more or less of them in truth
    clock = FakeClock(begins.astimezone(UTC))
    assert abs(ends - clock.now() - timedelta(hours=10)) in (timedelta(minutes=30), timedelta(hours=1))
    held, last = 0, ends - timedelta(seconds=1)
    while clock.now() < last:
        async with a_house(path, clock, inbox, quiet(zone)) as house:  # each of these is another agent's life
            for _ in range(8):
                await house.emit("build.failed", f"pkg{held}")
                held += 1
                elapse(house, min(15 * 60, (last - clock.now()).total_seconds()))
            await house.heard(0)
    async with a_house(path, clock, inbox, quiet(zone)) as house:
        elapse(house, 1)
        (got,) = await house.heard(1)
        assert got.body["payload"]["events"] == held
        await until_final(house, delivered=held + 1)


@STEPS
async def test_what_is_to_be_tried_again_is_so_within_its_delay(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    inbox.script("ci", 503)
    async with a_house(path, FakeClock(), inbox, {}) as house:
        await house.emit("build.failed")
        await house.heard(1)
        await until_final(house, pending=1)
        await jump(house, step_secs)
        elapse(house, 8)  # five seconds, give or take half
        await house.heard(2)
        await until_final(house, delivered=1)


@STEPS
async def test_a_target_that_was_left_alone_is_probed_within_its_time(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    inbox.script("ci", *[503] * 5)
    async with a_house(path, FakeClock(), inbox, {}) as house:
        for number in range(5):
            await house.emit("build.failed", f"pkg{number}")
        await house.heard(5)
        await until_final(house, pending=5)
        await jump(house, step_secs)
        elapse(house, 60)
        await house.heard(10)
        await until_final(house, delivered=5)


@STEPS
async def test_a_batch_is_told_within_its_delay(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    async with a_house(path, FakeClock(), inbox, {"priorities": {"low": {"delay_secs": 60}}}) as house:
        await house.emit("build.started", "api")
        await house.emit("build.started", "ui")
        await until_final(house, held=2)
        await jump(house, step_secs)
        elapse(house, 61)
        (got,) = await house.heard(1)
        assert got.body["payload"]["events"] == 2


@STEPS
async def test_a_limit_lasts_no_longer_than_its_minute(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    async with a_house(path, FakeClock(), inbox, {"rate_limit": {"max_per_minute": 1, "max_per_hour": 100}}) as house:
        await house.emit("custom.a", "one")
        await house.heard(1)
        await house.emit("custom.a", "two")
        await until_final(house, delivered=1, held=1)
        await jump(house, step_secs)
        elapse(house, 61)
        await house.heard(2)
        elapse(house, 61)
        await house.emit("custom.a", "three")
        await house.heard(3)


@STEPS
async def test_a_problem_is_news_again_after_the_time_for_repeats(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    async with a_house(path, FakeClock(), inbox, {"dedup_window_secs": 300}) as house:
        await house.emit("custom.a")
        await house.heard(1)
        await jump(house, step_secs)
        elapse(house, 301)
        await house.emit("custom.a")
        await house.heard(2)


@STEPS
async def test_a_night_ends_by_the_clock_as_it_stands(path: Path, inbox: HttpInbox, step_secs: int) -> None:
    settings = {"quiet_hours": {"start": "11:30", "end": "13:00", "timezone": "UTC"}}
    async with a_house(path, FakeClock(START), inbox, settings) as house:
        await house.emit("build.failed")
        await until_final(house, held=1)
        await jump(house, step_secs)
        elapse(house, 3600)
        elapse(house, 3600)
        await house.heard(1)


async def test_a_clock_that_was_set_back_while_no_agent_ran_makes_nothing_wait(path: Path, inbox: HttpInbox) -> None:
    clock, settings = FakeClock(), {"dedup_window_secs": 300, "priorities": {"low": {"delay_secs": 60}}}
    async with a_house(path, clock, inbox, settings) as house:
        await house.emit("custom.a")
        await house.heard(1)
        await house.emit("build.started")
        await until_final(house, delivered=1, held=1)
    clock.step(-YEAR)
    async with a_house(path, clock, inbox, settings) as house:
        elapse(house, 61)
        assert [got.body["type"] for got in await house.heard(2)] == ["custom.a", "build.started"]
        elapse(house, 240)
        await house.emit("custom.a")
        await house.heard(3)


@pytest.mark.e2e
@needs_program("faketime")
def test_an_agent_whose_clock_is_set_again_and_again_goes_on(
    project: Project, lives: Lives, producer: Producer, standin: Provider, tmp_path: Path
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("clock")}))
    clock, offsets = FakedTime(tmp_path), [-HOUR, YEAR, -YEAR, 0, HOUR, -HOUR]
    with lives.agent(env=clock.environ) as agent:
        until_settled(project)
        for number in rounds(2, len(offsets)):
            standin.script("clock", 503)
            tried = len(standin.journal("clock"))
            assert producer.emit() == 202
            wait_for(lambda: len(standin.journal("clock")) > tried, "it is not tried")  # noqa: B023  (called at once)
            clock.set(offsets[number])
            assert producer.emit() == 202
            until_settled(project)
        assert agent.poll() is None, "it is the same agent"
    check(producer, standin.taken("clock"), starts=lives.starts).must_be_clean()
    must_add_up(project)
