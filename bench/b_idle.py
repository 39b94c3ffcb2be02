"""G16–G18: what the agent costs while nothing happens, and how soon it is there."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

from lib import agent, proc, refs
from lib.goal import Result, result

EVENTS = 30_000
BATCH = 500


def measure_memory(*, quick: bool) -> Iterator[Result]:
    """G16: resident memory at rest, and after many events."""
    with agent.running() as (here, pid):
        bare = subprocess.Popen([proc.PYTHON, "-c", "import time; time.sleep(600)"], env=here.environ)
        try:
            connection = agent.Connection(here.socket)
            connection.fetch("GET", "/api/status")
            time.sleep(1)
            bare_mb, idle_mb = proc.rss_mb(bare.pid), proc.rss_mb(pid)
        finally:
            proc.end(bare)
        count = EVENTS // 10 if quick else EVENTS
        for begin in range(0, count, BATCH):
            batch = [{"type": "custom.bench", "message": f"event {begin + number}"} for number in range(BATCH)]
            connection.fetch("POST", "/api/events", batch)
        connection.close()
        time.sleep(1)
        busy_mb = proc.rss_mb(pid)
    idle = f"{idle_mb:.0f} MB"
    reference = f"python, asleep: {bare_mb:.1f} MB"
    yield result("G16", "memory at rest", [idle_mb / bare_mb], gate=7, stretch=5, reference=reference, value=idle)
    after = f"after {count:,} events"
    yield result(
        "G16", after, [busy_mb / idle_mb], gate=1.25, stretch=1.1, reference=f"at rest: {idle}", value=f"{busy_mb:.0f} MB"
    )


def measure_idle_cpu(*, quick: bool) -> Iterator[Result]:
    """G17: processor time at rest."""
    runs, secs = (1, 10) if quick else (3, 20)
    ratios, shares = [], []
    with agent.running() as (here, pid), refs.serving("idle_uvicorn", path := here.root / "bare.sock", here.environ) as bare:
        agent.secs_to_answer(path)
        time.sleep(3)
        for _ in range(runs):
            before = proc.cpu_secs(bare.pid), proc.cpu_secs(pid)
            time.sleep(secs)
            theirs, ours = proc.cpu_secs(bare.pid) - before[0], proc.cpu_secs(pid) - before[1]
            ratios.append(ours / theirs)
            shares.append(100 * ours / secs)
    value, reference = f"{sorted(shares)[len(shares) // 2]:.3f} %", "uvicorn, idle"
    yield result("G17", "processor at rest", ratios, gate=2, stretch=1.2, reference=reference, value=value)
    yield result("G17", "the same, in percent", shares, gate=0.3, stretch=0.1, reference="one core", value=value)


def measure_start(*, quick: bool) -> Iterator[Result]:
    """G18: from the start of the process to its first accepted connection."""
    rounds = 3 if quick else 7
    ours, theirs = [], []
    with agent.project() as here:
        for number in range(rounds + 1):
            path = here.root / f"bare-{number}.sock"
            with refs.serving("listener", path, here.environ):
                theirs.append(agent.secs_to_answer(path))
            child = here.spawn()
            try:
                ours.append(agent.secs_to_answer(here.socket))
            finally:
                proc.end(child)
    pairs = list(zip(ours[1:], theirs[1:], strict=True))
    shown = [sorted(column)[len(column) // 2] * 1000 for column in zip(*pairs, strict=True)]
    median = proc.ratios([our for our, _ in pairs], [their for _, their in pairs])
    single = [our / their for our, their in pairs]
    yield Result(
        "G18",
        "agent, to listening",
        f"asyncio server: {shown[1]:.0f} ms",
        f"{shown[0]:.0f} ms",
        median,
        min(single),
        max(single),
        8,
        3,
    )


MEASURES = [measure_memory, measure_idle_cpu, measure_start]
