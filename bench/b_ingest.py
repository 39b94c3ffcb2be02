"""G7–G10: how fast events are taken, every one of them on disk before its 202."""

from __future__ import annotations

import itertools
import shutil
import sqlite3
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import uvloop
from lib import agent, load
from lib.goal import Result, Skip, best

from buildnet_cli.store.connection import connect_writer
from buildnet_cli.store.events import INSERT

_numbers = itertools.count()

MANY = 64
ARRAY = 100


def event() -> dict[str, object]:
    """An event like those that builds send."""
    number = next(_numbers)
    payload = {"duration_ms": number, "tier": "FullBuild", "error": "linker failed: cannot find -lssl"}
    return {"type": "custom.bench", "subject": f"package-{number % 500}", "message": f"run {number} is over", "payload": payload}


def one() -> bytes:
    return load.request("/api/events", event())


def array() -> bytes:
    return load.request("/api/events", [event() for _ in range(ARRAY)])


def measure_group_commit(*, quick: bool) -> Iterator[Result]:
    """Events from 64 connections, against the same agent that stores nothing, and with a transaction for each event."""
    runs, secs = (3, 1.5) if quick else (5, 3)
    with (
        agent.variant() as ours,
        agent.variant("null") as null,
        agent.variant("inline") as inline,
        agent.variant("thread") as thread,
    ):
        loads = [[_stored(here, secs, has_rows=here is not null) for here in (ours, null, inline, thread)] for _ in range(runs)]
    for goal, what, nth, name, gate, stretch in (
        ("G7", "events taken, 64 connections", 1, "stores nothing", 0.6, 0.85),
        ("G8", "the same", 2, "one transaction each, inline", 1.6, 2.5),
        ("G8", "the same", 3, "one transaction each, in a thread", 1.6, 2.5),
    ):
        pairs = [(row[0].rate, row[nth].rate) for row in loads]
        reference = f"{name}: {{:.0f}}/s"
        yield best(goal, what, pairs, gate=gate, stretch=stretch, reference=reference, value="{:.0f}/s", is_floor=True)


def measure_slow_disk(*, quick: bool) -> Iterator[Result]:
    """The same on a disk that takes 5 ms to promise anything."""
    runs, secs = (1, 2) if quick else (3, 3)
    if shutil.which("cc") is None:
        raise Skip("G8 on a slow disk needs a C compiler (apt-get install gcc)")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder, "slowsync.so")
        source = Path(__file__).parent / "lib" / "slowsync.c"
        subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
        slow = {"LD_PRELOAD": str(library), "SLOWSYNC_US": "5000"}
        with agent.variant(environ=slow) as ours, agent.variant("inline", slow) as inline:
            loads = [(_stored(ours, secs), _stored(inline, secs)) for _ in range(runs)]
    pairs = [(mine.rate, theirs.rate) for mine, theirs in loads]
    what, reference = "on a disk of 5 ms", "one transaction each, inline: {:.0f}/s"
    yield best("G8", what, pairs, gate=12, stretch=25, reference=reference, value="{:.0f}/s", is_floor=True)


def measure_ack(*, quick: bool) -> Iterator[Result]:
    """How long one producer alone waits for its 202, against a transaction at once on the event loop."""
    runs, requests = (3, 500) if quick else (5, 2000)
    with agent.variant() as ours, agent.variant("inline") as inline:
        pairs = [(_alone(ours, requests), _alone(inline, requests)) for _ in range(runs)]
    what, reference = "202 to a single producer, p50", "a transaction inline: {:.0f} µs"
    yield best("G9", what, pairs, gate=1.8, stretch=1.2, reference=reference, value="{:.0f} µs")


def measure_arrays(*, quick: bool) -> Iterator[Result]:
    """Arrays of 100 events from 4 connections, against the bare SQL that stores the same rows, 64 to a transaction."""
    runs, secs = (3, 1.5) if quick else (5, 3)
    pairs = []
    with agent.variant() as here:
        for _ in range(runs):
            bare = _bare_rate(here.root, 4000 if quick else 20_000)
            before = _count(here)
            found = uvloop.run(load.closed(here.socket, array, connections=4, secs=secs))
            assert _count(here) - before == found.answered * ARRAY
            pairs.append((found.rate * ARRAY, bare))
    reference = "executemany: {:.0f}/s"
    yield best(
        "G10", "events in arrays of 100", pairs, gate=0.3, stretch=0.6, reference=reference, value="{:.0f}/s", is_floor=True
    )


def _stored(here: agent.Project, secs: float, *, has_rows: bool = True) -> load.Load:
    """A load from many connections, of which every event that was answered is on disk."""
    before = _count(here)
    found = uvloop.run(load.closed(here.socket, one, connections=MANY, secs=secs))
    if has_rows:
        assert _count(here) - before == found.answered, "an event was answered and not stored"
    return found


def _alone(here: agent.Project, requests: int) -> float:
    """The median, in microseconds."""
    found = uvloop.run(load.closed(here.socket, one, connections=1, requests=requests))
    return found.percentile(50) * 1e6


def _count(here: agent.Project) -> int:
    with sqlite3.connect(here.database) as db:
        return int(db.execute("SELECT count(*) FROM events WHERE type = 'custom.bench'").fetchone()[0])


def _bare_rate(folder: Path, count: int) -> float:
    """R2: how many events a second the same SQL stores in a file of its own on the same disk, 64 to a transaction."""
    path = folder / "bare.db"
    rows = [_row(number) for number in range(count)]
    db = connect_writer(path)
    begin = time.perf_counter()
    for start in range(0, count, 64):
        db.conn.execute("BEGIN IMMEDIATE")
        db.conn.executemany(INSERT, rows[start : start + 64])
        db.conn.execute("COMMIT")
    took = time.perf_counter() - begin
    db.close()
    for each in folder.glob("bare.db*"):
        each.unlink()
    return count / took


def _row(number: int) -> tuple[object, ...]:
    made = event()
    moment, payload = (
        "2026-01-26T12:00:00.000Z",
        '{"duration_ms":1,"tier":"FullBuild","error":"linker failed: cannot find -lssl"}',
    )
    id_ = f"evt_{number:026}"
    return (id_, made["type"], "medium", made["message"], made["subject"], "bench", moment, moment, payload, "no recipient", None)


MEASURES: list[Callable[..., Iterator[Result]]] = [measure_group_commit, measure_slow_disk, measure_ack, measure_arrays]
