"""G22: what the hundredth page, and the millionth event, cost: as much as the first."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import sqlite_utils
from lib.goal import Result, result

from buildnet_cli.clock import SystemClock, from_rfc3339, to_rfc3339
from buildnet_cli.delivery.intake import Incoming
from buildnet_cli.delivery.router import Router
from buildnet_cli.events.model import Event
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.match import RoutingTable
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import deliveries, events, intake, outbox
from buildnet_cli.store.connection import connect_reader, connect_writer, immediate

SMALL = 1000
TYPES = ("build.completed", "build.failed", "build.started", "cache.cleared", "custom.deploy", "resource.cpu.high")
RARE = "custom.deploy"
ROUNDS = 40

_DELIVERY = """
INSERT INTO deliveries (id, event_id, channel, recipient, subject, rank, status, reason, reasons, attempts, created_at,
    next_attempt_at, has_turn, finished_at, answer)
SELECT 'dlv' || substr(id, 4), id, 'webhook', 'r' || (seq % 20), subject, 1, 'delivered', 'delivered', '[]', 1, accepted_at,
    NULL, 0, accepted_at, '200' FROM events WHERE seq > ?
"""

Question = Callable[[sqlite_utils.Database], object]


def measure(*, quick: bool) -> Iterator[Result]:
    """Each question to a database of 1,000 events, and the same to a large one."""
    large = 100_000 if quick else 1_000_000
    with tempfile.TemporaryDirectory(prefix="buildnet-bench-") as folder:
        paths = Path(folder, "small.db"), Path(folder, "large.db")
        for path, count in zip(paths, (SMALL, large), strict=True):
            _fill(path, count)
        small, grown = (connect_writer(path) for path in paths)
        questions = _questions()
        for name, (question, is_write) in questions.items():
            pairs = [
                (_secs(small, question, is_write=is_write), _secs(grown, question, is_write=is_write)) for _ in range(ROUNDS)
            ]
            yield _growth(name, pairs[ROUNDS // 8 :], large)
        for db in (small, grown):
            db.close()
        yield _growth("open and recover", [(_open_secs(paths[0]), _open_secs(paths[1])) for _ in range(ROUNDS)], large)


def _growth(name: str, pairs: list[tuple[float, float]], large: int) -> Result:
    """The middle times are compared, several times over: one alone is as short as a hiccup."""
    parts = [pairs[start::5] for start in range(5)]
    ratios = [statistics.median(after for _, after in part) / statistics.median(before for before, _ in part) for part in parts]
    before, after = (statistics.median(column) * 1e3 for column in zip(*pairs, strict=True))
    return result(
        "G22",
        f"{name}, {large:,} events",
        ratios,
        gate=2,
        stretch=1.3,
        reference=f"with {SMALL:,}: {before:.2f} ms",
        value=f"{after:.2f} ms",
    )


def _questions() -> dict[str, tuple[Question, bool]]:
    """What people and loops ask; whether it writes."""
    clock = SystemClock()
    now = clock.now()
    router = Router(Rules(RoutingTable((), dict.fromkeys(Priority, frozenset()))))
    pattern = Pattern.parse(RARE)
    lately = now - timedelta(seconds=100)
    room = {Target("webhook", f"r{number}"): 4 for number in range(20)}

    def second_page(db: sqlite_utils.Database) -> object:
        middle = db.execute("SELECT max(seq) / 2 FROM events").fetchone()[0]
        return events.page(db, before=str(middle))

    def commit(db: sqlite_utils.Database) -> object:
        incoming = [Incoming(_event("custom.growth", to_rfc3339(clock.now()), "x")) for _ in range(64)]
        return intake.accept_all(db, incoming, router, now)

    return {
        "newest page": (events.page, False),
        "a page from the middle": (second_page, False),
        "newest of a type": (lambda db: events.page(db, pattern=pattern), False),
        "since a time": (lambda db: events.page(db, since=lately), False),
        "failed deliveries": (lambda db: deliveries.page(db, is_failed=True), False),
        "what may be sent": (lambda db: outbox._lease(db, now, 256, room), True),
        "a commit of 64": (commit, True),
    }


def _secs(db: sqlite_utils.Database, question: Question, *, is_write: bool) -> float:
    begin = time.perf_counter()
    if is_write:
        with immediate(db):
            question(db)
    else:
        question(db)
    return time.perf_counter() - begin


def _open_secs(path: Path) -> float:
    begin = time.perf_counter()
    db = connect_writer(path)
    outbox._void_leases(db)
    connect_reader(path).close()
    took = time.perf_counter() - begin
    db.close()
    return took


def _fill(path: Path, count: int) -> None:
    """Events one second apart, the newest now, each of which one target has been told of."""
    db = connect_writer(path)
    first = SystemClock().now() - timedelta(seconds=count)
    for start in range(0, count, 10_000):
        last = db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0]
        with immediate(db):
            for number in range(start, min(start + 10_000, count)):
                # A type that is rare, and as rare in a small database as in a large one.
                kind = RARE if number % 10 == 0 else TYPES[number % len(TYPES)]
                moment = first + timedelta(seconds=number)
                events.insert(db, _event(kind, to_rfc3339(moment), f"p{number % 200}"), accepted_at=moment, unheard="", key="")
            db.execute(_DELIVERY, [last])
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def _event(kind: str, moment: str, subject: str) -> Event:
    return Event(new_id("evt"), kind, Priority.MEDIUM, "it took a while", subject, "bench", from_rfc3339(moment), {"n": 1})


MEASURES = [measure]
