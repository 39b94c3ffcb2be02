"""What is promised of many producers at once: every event that was answered is stored, and the agent stays small."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import b_ingest
import uvloop
from lib import agent, endpoints, load
from lib.goal import Result, result

CLIENTS = 50
MOST_MB = 200


def measure(*, quick: bool) -> Iterator[Result]:
    """100,000 events from 50 clients, each with a delivery to make: the most memory the agent ever had, and what it lost."""
    count = 10_000 if quick else 100_000
    with endpoints.sink(1) as sink, agent.running(agent.config_for(sink.ports)) as (here, pid):
        found = uvloop.run(load.closed(here.socket, b_ingest.one, connections=CLIENTS, requests=count))
        peak_mb = _peak_mb(pid)
        with sqlite3.connect(here.database) as db:
            (stored,) = db.execute("SELECT count(*) FROM events WHERE type = 'custom.bench'").fetchone()
    what = f"{count:,} events from {CLIENTS} clients"
    yield result(
        "memory", what, [peak_mb / MOST_MB], gate=1, stretch=0.5, reference=f"allowed: {MOST_MB} MB", value=f"{peak_mb:.0f} MB"
    )
    yield result(
        "none lost",
        what,
        [stored / found.answered],
        gate=1,
        stretch=1,
        reference=f"answered with 2xx: {found.answered:,}",
        value=f"stored: {stored:,}",
        is_floor=True,
    )


def _peak_mb(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


MEASURES = [measure]
