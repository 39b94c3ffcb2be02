"""kill -9 at random moments: what was acknowledged is there when the database is opened again."""

from __future__ import annotations

import asyncio
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from buildnet_cli.delivery.model import Attempt, DeliveryStatus
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.database import Store
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI

pytestmark = pytest.mark.integration

ROUNDS = 10

ACCEPT_UNTIL_KILLED = """
import asyncio, sys
from pathlib import Path
from buildnet_cli.clock import SystemClock
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.store.database import Store
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.deliveries import CI, OPS, a_router

async def accept(ingest, worker):
    while True:
        event = await ingest.accept(EventDraft("custom.note", "x", subject=str(worker)), source="test")
        sys.stdout.write(event.id + "\\n")
        sys.stdout.flush()

async def main():
    clock = SystemClock()
    store = Store.open(Path(sys.argv[1]))
    outbox = StoredOutbox(store, clock)
    await outbox.void_leases()
    ingest = Ingest(StoredIntake(store, clock), EventBus(), clock, a_router(CI, OPS), wake=lambda: None)
    async def lease():
        while True:
            await outbox.lease(clock.now(), 3, {CI: 2})
            await asyncio.sleep(0.005)
    await asyncio.gather(lease(), *(accept(ingest, worker) for worker in range(8)))

asyncio.run(main())
"""


def acknowledged_until_killed(path: Path, delay: float) -> list[str]:
    """Let a process accept events for a while, kill it, and say which it acknowledged."""
    with subprocess.Popen(
        [sys.executable, "-c", ACCEPT_UNTIL_KILLED, str(path)], stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]
    ) as process:
        assert process.stdout is not None
        first = process.stdout.readline()  # it runs
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()
    lines = (first + rest).splitlines(keepends=True)
    return [line.strip() for line in lines if line.endswith("\n")]


def test_no_acknowledged_event_is_lost_by_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "notify.db"
    delays = [random.uniform(0, 0.2) for _ in range(ROUNDS)]
    acknowledged: list[str] = []
    for delay in delays:
        fresh = acknowledged_until_killed(path, delay)
        assert fresh
        acknowledged += fresh
        asyncio.run(check(path, fresh))
    asyncio.run(send_the_rest(path, len(acknowledged)))


async def check(path: Path, acknowledged: list[str]) -> None:
    store = Store.open(path)
    try:
        assert await store.read(lambda db: db.execute("PRAGMA integrity_check").fetchone()[0]) == "ok"
        stored = await store.read(lambda db: {row[0] for row in db.execute("SELECT id FROM events")})
        assert set(acknowledged) <= stored
        told = await store.read(lambda db: {events.get(db, each).id: deliveries.of_event(db, each) for each in acknowledged})
        assert all(len(each) == 2 for each in told.values()), "an event without its deliveries is a lost message"
        assert (await store.read(deliveries.conservation)).difference == 0
    finally:
        store.close()


async def send_the_rest(path: Path, at_least: int) -> None:
    """Whatever the killed agents held is free again, and every delivery can still be brought to its end."""
    store, clock = Store.open(path), FakeClock()
    clock.advance(10 * 365 * 86400)
    outbox = StoredOutbox(store, clock)
    await outbox.void_leases()
    while leased := await outbox.lease(clock.now(), 500, {CI: 100}):
        await outbox.finish(
            [
                Attempt(each.delivery.id, clock.now(), clock.now(), None, "", DeliveryStatus.DELIVERED, "delivered")
                for each in leased
            ]
        )
    sums = await store.read(deliveries.conservation)
    store.close()
    assert sums.difference == 0
    assert sums.counts[DeliveryStatus.DELIVERED] == sums.accepted >= 2 * at_least
