"""What is held, on a real database and through a real webhook: it survives restarts and is told in one message."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.store import deliveries
from tests.support.clocks import FakeClock
from tests.support.house import a_house, until_final
from tests.support.http_inbox import HttpInbox, http_inbox
from tests.support.routing import rules_of

pytestmark = pytest.mark.integration

EVENING = datetime.fromisoformat("2026-03-07T23:10:00-05:00")  # the night in which the clocks go forward
NIGHT = {"quiet_hours": {"start": "22:00", "end": "08:00", "timezone": "America/New_York"}}


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notify.db"


async def test_a_night_is_told_in_one_message_in_the_morning(path: Path, inbox: HttpInbox) -> None:
    clock = FakeClock(EVENING)
    async with a_house(path, clock, inbox, NIGHT) as house:
        await house.emit("build.failed")
        await house.emit("resource.disk.warning", "/var")
        clock.advance(1800)
        await house.emit("build.completed")
        await house.heard(0)
    async with a_house(path, clock, inbox, NIGHT) as house:
        house.move(datetime.fromisoformat("2026-03-08T07:59:59-04:00"))
        await house.heard(0)
        house.move(datetime.fromisoformat("2026-03-08T08:00:00-04:00"))
        (got,) = await house.heard(1)
        assert got.body["message"] == "While it was quiet: 1 open, 1 closed"
        assert [(each["type"], each["subject"]) for each in got.body["payload"]["open"]] == [("resource.disk.warning", "/var")]
        (pair,) = got.body["payload"]["closed"]
        assert (pair["opened_at"], pair["closed_at"]) == ("2026-03-08T04:10:00.000Z", "2026-03-08T04:40:00.000Z")
        await until_final(house, delivered=4)
        told = await house.store.read(lambda db: deliveries.page(db, limit=10).items)
        digest, *folded = told
        assert {each.folded_into for each in folded} == {digest.id}
        assert all({"quiet_hours", "rate_limit"} <= {reason.stage for reason in each.reasons} for each in folded)


async def test_one_event_of_a_night_is_told_as_itself(path: Path, inbox: HttpInbox) -> None:
    async with a_house(path, FakeClock(EVENING), inbox, NIGHT) as house:
        event = await house.emit("build.failed")
        house.move(EVENING + timedelta(hours=9))
        (got,) = await house.heard(1)
        assert got.body["id"] == event.id
        await until_final(house, delivered=1)


async def test_owed_recovery_restart(path: Path, inbox: HttpInbox) -> None:
    """Who was told of a problem before a restart is told of its end after it, though no pattern of his asks for it."""
    clock = FakeClock()
    settings: dict[str, Any] = {}
    async with a_house(path, clock, inbox, settings) as house:
        house.router.rules = rules_of(settings, {"name": "ci", "events": ["*.high"]})
        await house.emit("resource.cpu.high", "ci-01")
        await house.heard(1)
    clock.advance(600)
    async with a_house(path, clock, inbox, settings) as house:
        house.router.rules = rules_of(settings, {"name": "ci", "events": ["*.high"]})
        await house.emit("resource.cpu.normal", "ci-01")
        assert [got.body["type"] for got in await house.heard(2)] == ["resource.cpu.high", "resource.cpu.normal"]


async def test_restart_batch_due(path: Path, inbox: HttpInbox) -> None:
    """A batch that fell due while no agent ran is told at once; one that did not, when it was to be."""
    clock = FakeClock()
    settings = {"priorities": {"low": {"delay_secs": 60}}}
    async with a_house(path, clock, inbox, settings) as house:
        for name in ("api", "ui"):
            await house.emit("build.started", name)
    clock.advance(30)
    async with a_house(path, clock, inbox, settings) as house:
        await house.emit("build.started", "docs")
        await house.heard(0)
    clock.advance(30)
    async with a_house(path, clock, inbox, settings) as house:
        (got,) = await house.heard(1)
        assert got.body["payload"]["events"] == 3


async def test_what_begins_and_ends_within_a_batch_is_told_in_one_line(path: Path, inbox: HttpInbox) -> None:
    """A build is a fact: that it is repaired already is no reason to keep silent about it."""
    settings = {"priorities": {"high": {"delay_secs": 60}, "medium": {"delay_secs": 60}, "low": {"delay_secs": 60}}}
    clock = FakeClock()
    async with a_house(path, clock, inbox, settings) as house:
        await house.emit("build.failed", "api")
        house.move(clock.now() + timedelta(seconds=20))
        await house.emit("build.completed", "api")
        house.move(clock.now() + timedelta(seconds=60))
        (told,) = await house.heard(1)
        assert told.body["type"] == "digest.batch"
        (pair,) = told.body["payload"]["closed"]
        assert (pair["type"], pair["subject"], told.body["payload"]["events"]) == ("build.failed", "api", 2)


async def test_a_full_batch_does_not_wait(path: Path, inbox: HttpInbox) -> None:
    settings = {"priorities": {"low": {"delay_secs": 60}}, "batch_max": 3}
    async with a_house(path, FakeClock(), inbox, settings) as house:
        for number in range(3):
            await house.emit("build.started", f"p{number}")
        (got,) = await house.heard(1)
        assert got.body["message"] == "3 collected: build.started ×3 (p0, p1, p2)"


async def test_restart_limiter_state(path: Path, inbox: HttpInbox) -> None:
    """A restart is no fresh budget."""
    clock = FakeClock()
    settings = {"rate_limit": {"max_per_minute": 3, "max_per_hour": 100}}
    async with a_house(path, clock, inbox, settings) as house:
        for number in range(2):
            await house.emit("custom.a", f"s{number}")
        await house.heard(2)
    async with a_house(path, clock, inbox, settings) as house:
        for number in range(40):
            await house.emit(
                "build.failed", f"pkg{number % 2}", payload={"error": {"headline": "ab"[number // 20 % 2] * (number + 1)}}
            )
        await house.heard(2)
        house.move(clock.now() + timedelta(seconds=60))
        last = (await house.heard(3))[-1]
        assert last.body["message"] == "40 held: build.failed ×40 (pkg0 20, pkg1 20)"
        await until_final(house, delivered=43)


async def test_crash_no_dup_window(path: Path, inbox: HttpInbox) -> None:
    clock = FakeClock()
    async with a_house(path, clock, inbox, {}) as house:
        await house.emit("build.failed")
        await house.heard(1)
    async with a_house(path, clock, inbox, {}) as house:
        await house.emit("build.failed")
        await until_final(house, delivered=1, suppressed=1)


async def test_a_message_that_could_not_be_delivered_is_not_taken_for_told(path: Path, inbox: HttpInbox) -> None:
    inbox.script("ci", 400)
    async with a_house(path, FakeClock(), inbox, {}) as house:
        await house.emit("build.failed")
        await until_final(house, dead=1)
        await house.emit("build.failed")
        await until_final(house, dead=1, delivered=1)


async def test_silence_end_reeval(path: Path, inbox: HttpInbox) -> None:
    """The end of a problem that was muted is told as soon as the mute is taken back."""
    async with a_house(path, FakeClock(), inbox, {}) as house:
        await house.emit("build.failed")
        await house.heard(1)
        mute = await house.mutes.add({"pattern": "build.*", "for": "2h", "reason": "moving house"}, "test")
        assert mute["would_have_hidden"] == {"build.failed": 1}
        await house.emit("build.completed")
        await house.emit("build.started")
        await house.heard(1)
        await house.mutes.remove(mute["id"])
        assert [got.body["type"] for got in await house.heard(2)] == ["build.failed", "build.completed"]
        await until_final(house, delivered=2, suppressed=1)


async def test_a_refused_commit_leaves_nothing_behind(path: Path, inbox: HttpInbox) -> None:
    """What was decided in a transaction that failed was never told."""

    def refuse(db: Any) -> None:
        raise RuntimeError("the disk is full")

    async with a_house(path, FakeClock(), inbox, {}) as house:
        with pytest.raises(RuntimeError):
            await house.ingest.accept_many([EventDraft("build.failed", subject="api")], source="test", along_with=[refuse])
        await house.emit("build.failed")
        await house.heard(1)
        await until_final(house, delivered=1)


async def test_a_folded_delivery_takes_the_end_of_its_digest(path: Path, inbox: HttpInbox) -> None:
    inbox.script("ci", 400)
    async with a_house(path, FakeClock(EVENING), inbox, NIGHT) as house:
        for name in ("api", "ui"):
            await house.emit("build.failed", name)
        house.move(EVENING + timedelta(hours=9))
        await until_final(house, dead=3)
        rows = await house.store.read(lambda db: deliveries.page(db, status=DeliveryStatus.DEAD, limit=5).items)
        assert {each.next_attempt_at for each in rows} == {None}
