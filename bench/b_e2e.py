"""G11–G15: from the producer's hand to the receiver's, and what one receiver that stopped costs the others."""

from __future__ import annotations

import asyncio
import sqlite3
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import b_ingest
import uvloop
from lib import agent, alertmanager, endpoints, load, proc
from lib.goal import Result, Skip, best

PEERS = Path(__file__).parents[1] / ".venv-peers" / "bin" / "python"
"""What we are compared with has an environment of its own: `make peers`."""


def stamped() -> bytes:
    """An event that bears the time at which it is handed in."""
    made = b_ingest.event()
    return load.request("/api/events", {**made, "payload": {"due": time.monotonic_ns(), "text": "x" * 300}})


def measure_latency(*, quick: bool) -> Iterator[Result]:
    """200 events a second to 3 endpoints, from hand to hand, against the sum of the three steps that it cannot do without."""
    runs, secs = (3, 4) if quick else (5, 8)
    found = []
    with endpoints.sink(4) as sink, agent.running(agent.config_for(sink.ports[:3])) as (here, _), agent.variant("null") as null:
        _deliver(here, sink, rate=50, secs=1, targets=3)
        for _ in range(runs):
            ack = uvloop.run(load.closed(null.socket, b_ingest.one, connections=1, requests=500)).percentile(50)
            least = ack + _transaction_secs(here.root) + float(_post(proc.PYTHON, "one", 300, sink.ports[3:]))
            took = _deliver(here, sink, rate=200, secs=secs, targets=3)
            found.append((least, _percentile(took, 50), _percentile(took, 99)))
        _assert_sent_once(here)
    reference = "202 + transaction + POST: {:.2f} ms"
    for goal, what, nth, gate, stretch in (("G11", "200/s to 3 endpoints, p50", 1, 5, 2), ("G12", "its p99", 2, 15, 5)):
        pairs = [(row[nth] * 1000, row[0] * 1000) for row in found]
        yield best(goal, what, pairs, gate=gate, stretch=stretch, reference=reference, value="{:.2f} ms")


def measure_fan_out(*, quick: bool) -> Iterator[Result]:
    """Notifications to 10 endpoints, as fast as they go, against a bare loop of the client library, and other programs.

    By processor time, which other people's work on the machine does not lengthen; each of them keeps one core busy.
    """
    runs, count = (3, 2000) if quick else (5, 8000)
    rates: list[dict[str, float]] = []
    with endpoints.sink(10) as sink, agent.running(agent.config_for(sink.ports)) as (here, pid):
        _fan_out(here, sink, 500)
        for _ in range(runs):
            before = proc.cpu_secs(pid)
            row = {"clock": _fan_out(here, sink, count)}
            row["ours"] = count / (proc.cpu_secs(pid) - before)
            row["client"] = count / _post(proc.PYTHON, "httpx", count, sink.ports)
            if PEERS.exists():
                row["Apprise"] = count / 4 / _post(str(PEERS), "apprise", count // 4, sink.ports)
            if alertmanager.PROGRAM is not None:
                with alertmanager.running(sink.ports) as port:
                    row["Alertmanager"] = _alert(port, sink, count)
            rates.append(row)
        _assert_sent_once(here)
    for goal, what, ours, key, name, gate, stretch in (
        ("G13", "to 10 endpoints, a second of CPU", "ours", "client", "its client alone", 0.55, 0.8),
        ("G14", "the same", "ours", "Apprise", "Apprise", 2.5, 8),
        ("beside", "by the clock, on disk", "clock", "Alertmanager", "Alertmanager, in memory", None, None),
    ):
        if key not in rates[0]:
            continue
        pairs = [(row[ours], row[key]) for row in rates]
        reference = f"{name}: {{:.0f}}"
        yield best(goal, what, pairs, gate=gate, stretch=stretch, reference=reference, value="{:.0f}", is_floor=True)


def measure_peers(*, quick: bool) -> Iterator[Result]:
    """Say which of the programs that we are compared with are missing here."""
    missing = ["Apprise (make peers)"] if not PEERS.exists() else []
    if alertmanager.PROGRAM is None:
        missing.append("Alertmanager (apt-get install prometheus-alertmanager)")
    if missing:
        raise Skip(f"no comparison with {' nor '.join(missing)}")
    yield from ()


def measure_stopped(*, quick: bool) -> Iterator[Result]:
    """The other endpoints, when one of them takes requests and never answers."""
    for goal, what, count, rate, gate, stretch in (
        ("G15", "p99 with 1 of 10 stopped", 10, 20, 1.5, 1.1),
        ("one of 20", "p99 with 1 of 20 stopped", 20, 10, 1.1, 1.05),
    ):
        yield _stopped(goal, what, count, rate, gate, stretch, quick=quick)


def _stopped(goal: str, what: str, count: int, rate: float, gate: float, stretch: float, *, quick: bool) -> Result:
    """Two agents at the same time, so that whatever else the machine does disturbs both."""
    runs, secs = (5, 3) if quick else (9, 8)
    pairs = []
    with endpoints.sink(count) as one, endpoints.sink(count) as other:
        other.stop(0)
        with (
            agent.running(agent.config_for(one.ports, timeout_secs=3)) as (whole, _),
            agent.running(agent.config_for(other.ports, timeout_secs=3)) as (hurt, _),
        ):
            for _ in range(runs + 1):
                took = _deliver_to({whole: one, hurt: other}, rate=rate, secs=secs, targets=count - 1)
                pairs.append([_percentile(each, 99) for each in took])
    # Of all runs, the one that was disturbed least on either side.
    tails = [(hurt * 1000, whole * 1000) for whole, hurt in pairs[1:]]
    return best(goal, what, tails, gate=gate, stretch=stretch, reference="none stopped: {:.1f} ms", value="{:.1f} ms")


def _deliver(here: agent.Project, sink: endpoints.Sink, *, rate: float, secs: float, targets: int) -> Sequence[float]:
    """Hand events in at a rate; how long each took to each of the last `targets` endpoints."""
    return _deliver_to({here: sink}, rate=rate, secs=secs, targets=targets)[0]


def _deliver_to(
    sinks: Mapping[agent.Project, endpoints.Sink], *, rate: float, secs: float, targets: int
) -> list[Sequence[float]]:
    """The same for several agents at once."""

    async def hand_in() -> None:
        await asyncio.gather(*(load.steady(here.socket, stamped, rate=rate, secs=secs) for here in sinks))

    for sink in sinks.values():
        sink.clear()
    uvloop.run(hand_in())
    return [_heard(sink, int(rate * secs), targets) for sink in sinks.values()]


def _heard(sink: endpoints.Sink, count: int, targets: int) -> Sequence[float]:
    end = time.perf_counter() + 30
    while True:
        heard = [[took for took in each if took] for each in sink.report()]
        whole = [took for took in heard if len(took) >= count]
        if len(whole) >= targets:
            return [took for each in whole for took in each]
        if time.perf_counter() > end:
            raise TimeoutError(f"of {count} events, {[len(took) for took in heard]} came to the endpoints")
        time.sleep(0.05)


def _fan_out(here: agent.Project, sink: endpoints.Sink, count: int) -> float:
    """How many notifications a second arrive, from the first event handed in to the last one heard."""
    sink.clear()
    begin = time.perf_counter()
    uvloop.run(load.closed(here.socket, stamped, connections=16, requests=count // len(sink.ports)))
    sink.wait(count)
    return count / (time.perf_counter() - begin)


def _alert(port: int, sink: endpoints.Sink, count: int) -> float:
    sink.clear()
    begin = time.perf_counter()
    alertmanager.hand_in(port, count // len(sink.ports))
    sink.wait(count)
    return count / (time.perf_counter() - begin)


def _post(python: str, name: str, count: int, ports: Sequence[int]) -> float:
    argv = [python, str(Path(__file__).parent / "lib" / "posting.py"), name, str(count), *map(str, ports)]
    return float(subprocess.run(argv, check=True, capture_output=True, text=True).stdout)


def _transaction_secs(folder: Path) -> float:
    """The median time of a bare transaction that stores one row for good."""
    path = folder / "bare.db"
    times = []
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA journal_mode = WAL")
        db.execute("PRAGMA synchronous = FULL")
        db.execute("CREATE TABLE IF NOT EXISTS bare (id INTEGER PRIMARY KEY, text TEXT)")
        for _ in range(300):
            begin = time.perf_counter()
            db.execute("INSERT INTO bare (text) VALUES (?)", ["x" * 500])
            times.append(time.perf_counter() - begin)
    return statistics.median(times)


def _assert_sent_once(here: agent.Project) -> None:
    """Every delivery has come to its end, with one attempt each."""
    time.sleep(1)
    with sqlite3.connect(here.database) as db:
        odd = db.execute("SELECT status, attempts, count(*) FROM deliveries GROUP BY 1, 2").fetchall()
    assert [row[:2] for row in odd] == [("delivered", 1)], odd


def _percentile(values: Sequence[float], percent: int) -> float:
    return statistics.quantiles(values, n=100)[percent - 1]


MEASURES = [measure_latency, measure_fan_out, measure_peers, measure_stopped]
