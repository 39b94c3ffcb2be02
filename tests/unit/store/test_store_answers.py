"""Whoever asks for a build is told when it has ended, once, where they asked, whatever routing says."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.model import Address, Delivery, DeliveryStatus
from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.messages.reply import account_of
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import deliveries
from buildnet_cli.store.answers import StoredAnswers
from buildnet_cli.store.builds import StoredBuilds
from buildnet_cli.store.intake import StoredIntake
from tests.support.clocks import START, FakeClock
from tests.support.deliveries import CI, OPS, a_router, a_table
from tests.support.stores import MemoryStore

DANA = Address("slack", "D024BE91L", "D024BE91L:1706.01")


class House:
    """Builds that are recorded with their events, and people who wait for them."""

    def __init__(self) -> None:
        self.clock, self.store = FakeClock(), MemoryStore()
        self.router = a_router(CI, OPS)
        ingest = Ingest(StoredIntake(self.store, self.clock), EventBus(), self.clock, self.router, wake=lambda: None)
        self.builds = StoredBuilds(self.store, ingest)
        self.answers = StoredAnswers(self.store, self.clock, lambda: None)

    async def build(self, package: str, status: BuildStatus, *, run: str = "run_1") -> None:
        build = Build(f"build_{run}_{package}", run, package, status, "slack:Dana", START)
        event = EventDraft(f"build.{status.value}", subject=package, payload=build.as_wire())
        await self.builds.record([build], [] if status is BuildStatus.RUNNING else [event])

    def told(self) -> list[Delivery]:
        """The answers that are on their way."""
        return [each for each in deliveries.page(self.store.db, limit=500).items if each.address is not None]

    def texts(self) -> list[str]:
        sql = "SELECT message FROM events WHERE type = 'reply.command' ORDER BY seq"
        return [row[0] for row in self.store.db.execute(sql)]


@pytest.fixture
def house() -> House:
    return House()


async def test_who_asked_for_a_build_is_told_of_its_end_in_the_same_thread(house: House) -> None:
    await house.build("api", BuildStatus.QUEUED)
    await house.answers.expect("req_1", "run_1", "build_run_1_api", DANA)
    assert house.told() == []
    await house.build("api", BuildStatus.RUNNING)
    await house.build("api", BuildStatus.FAILED)
    (answer,) = house.told()
    assert (answer.target, answer.address, answer.status) == (Target("slack", DANA.to), DANA, DeliveryStatus.PENDING)
    (type_,) = house.store.db.execute("SELECT type FROM events WHERE id = ?", [answer.event_id]).fetchone()
    assert type_ == "build.failed"
    await house.build("api", BuildStatus.COMPLETED, run="run_2")
    assert len(house.told()) == 1


async def test_who_asked_for_one_package_does_not_wait_for_the_others(house: House) -> None:
    for package in ("lib", "api"):
        await house.build(package, BuildStatus.QUEUED)
    await house.answers.expect("req_1", "run_1", "build_run_1_lib", DANA)
    await house.build("lib", BuildStatus.COMPLETED)
    assert len(house.told()) == 1


async def test_who_asked_for_everything_is_told_once_when_all_has_ended(house: House) -> None:
    for package in ("lib", "api", "docs"):
        await house.build(package, BuildStatus.QUEUED)
    await house.answers.expect("req_1", "run_1", "", DANA)
    await house.build("lib", BuildStatus.COMPLETED)
    await house.build("api", BuildStatus.FAILED)
    assert house.told() == []
    await house.build("docs", BuildStatus.CACHED)
    assert len(house.told()) == 1
    assert house.texts() == ["Your build is done: 2 ok, 1 failed\nfailed: api"]


async def test_a_build_that_ended_before_anybody_could_wait_is_told_at_once(house: House) -> None:
    await house.build("api", BuildStatus.QUEUED)
    await house.build("api", BuildStatus.COMPLETED)
    await house.answers.expect("req_1", "run_1", "build_run_1_api", DANA)
    assert len(house.told()) == 1


async def test_the_routed_copy_to_the_same_address_is_suppressed(house: House) -> None:
    dana, team = Target("slack", "Dana"), Target("slack", "#builds")
    house.router.rules = Rules(a_table(dana, team), addresses={dana: DANA.to, team: "C0123"})
    await house.build("api", BuildStatus.QUEUED)
    await house.answers.expect("req_1", "run_1", "build_run_1_api", DANA)
    await house.build("api", BuildStatus.FAILED)
    routed = {
        each.target.recipient: (each.status, each.reason)
        for each in deliveries.page(house.store.db, limit=500).items
        if each.address is None and "failed" in _type_of(house, each)
    }
    assert routed["#builds"][0] is DeliveryStatus.PENDING
    assert routed["Dana"][0] is DeliveryStatus.SUPPRESSED
    assert "answered directly" in routed["Dana"][1]


def _type_of(house: House, delivery: Delivery) -> Any:
    return house.store.db.execute("SELECT type FROM events WHERE id = ?", [delivery.event_id]).fetchone()[0]


async def test_a_text_goes_to_an_address_past_all_routing(house: House) -> None:
    await house.answers.send(Address("sms", "+14155550123"), "Queued api, position 1", "req_1")
    (answer,) = house.told()
    assert answer.target == Target("sms", "+14155550123")
    assert house.texts() == ["Queued api, position 1"]
    assert deliveries.conservation(house.store.db).difference == 0


@pytest.mark.parametrize(
    ("ended", "account"),
    [
        ([("a", "completed"), ("b", "cached")], "Your build is done: 2 ok"),
        ([("a", "failed"), ("b", "skipped")], "Your build is done: 1 failed, 1 skipped\nfailed: a"),
        (
            [(f"p{n}", "failed") for n in range(10)],
            "Your build is done: 10 failed\nfailed: p0, p1, p2, p3, p4, p5, p6, p7 and 2 more",
        ),
    ],
)
def test_a_run_is_told_of_in_a_few_words(ended: list[tuple[str, str]], account: str) -> None:
    assert account_of(ended) == account
