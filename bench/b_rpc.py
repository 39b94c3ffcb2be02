"""G6: how long the agent takes to answer on its socket."""

from __future__ import annotations

import json
import socket
import statistics
import time
from collections.abc import Callable, Iterator

from lib import agent, refs
from lib.goal import Result, result


def measure(*, quick: bool) -> Iterator[Result]:
    """The status over a connection kept open, against an echo of the same bytes over uvloop."""
    runs, requests = (2, 500) if quick else (3, 2000)
    with agent.running() as (here, _), refs.serving("ndjson", path := here.root / "echo.sock", here.environ):
        agent.secs_to_answer(path)
        connection = agent.Connection(here.socket)
        line = json.dumps(json.loads(connection.fetch("GET", "/api/status"))).encode() + b"\n"
        ratios, tails, shown = [], [], []
        with socket.socket(socket.AF_UNIX) as echo:
            echo.connect(str(path))
            stream = echo.makefile("rb")

            def exchange() -> None:
                echo.sendall(line)
                stream.readline()

            for _ in range(runs):
                bare = _latencies(exchange, requests)
                ours = _latencies(lambda: connection.fetch("GET", "/api/status"), requests)
                ratios.append(statistics.median(ours) / statistics.median(bare))
                tails.append(statistics.quantiles(ours, n=100)[98] / statistics.median(ours))
                shown.append((statistics.median(bare), statistics.median(ours), statistics.quantiles(ours, n=100)[98]))
        connection.close()
    bare_us, ours_us, tail_us = (statistics.median(column) * 1e6 for column in zip(*shown, strict=True))
    ours_shown, tail_shown = f"{ours_us:.0f} µs", f"{tail_us:.0f} µs"
    yield result(
        "G6",
        "status over the socket, p50",
        ratios,
        gate=5,
        stretch=2,
        reference=f"NDJSON echo: {bare_us:.0f} µs",
        value=ours_shown,
    )
    yield result("G6", "its p99", tails, gate=2, stretch=1.5, reference=f"its p50: {ours_shown}", value=tail_shown)


def _latencies(call: Callable[[], object], requests: int) -> list[float]:
    for _ in range(requests // 10):
        call()
    found = []
    for _ in range(requests):
        begin = time.perf_counter()
        call()
        found.append(time.perf_counter() - begin)
    return found


MEASURES = [measure]
