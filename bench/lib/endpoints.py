"""The far ends of notifications, as whoever measures sees them; `sink.py` is the process behind them."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from lib import proc


class Sink:
    """A process with many HTTP endpoints that take everything. `report` says what has come, and how late."""

    def __init__(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        self.ports: list[int] = self._read()

    def report(self) -> list[list[float]]:
        """Of each endpoint, how long each message took, in seconds, from the time that it bears as `"due"`; 0 without one."""
        self._write("report")
        found: list[list[float]] = self._read()
        return found

    def clear(self) -> None:
        """Forget what has come."""
        self._write("clear")
        self._read()

    def stop(self, number: int) -> None:
        """One endpoint takes requests and answers none from now on."""
        self._write(f"stop {number}")
        self._read()

    def wait(self, count: int, *, limit: float = 120.0) -> list[list[float]]:
        """The report once so many messages have come. Raises TimeoutError if they do not."""
        end = time.perf_counter() + limit
        while sum(map(len, report := self.report())) < count:
            if time.perf_counter() > end:
                raise TimeoutError(f"{sum(map(len, report))} of {count} messages came within {limit:g} s")
            time.sleep(0.02)
        return report

    def _write(self, line: str) -> None:
        assert self._child.stdin is not None
        self._child.stdin.write(f"{line}\n".encode())
        self._child.stdin.flush()

    def _read(self) -> list:  # type: ignore[type-arg]  # as the sink wrote it
        assert self._child.stdout is not None
        found: list = json.loads(self._child.stdout.readline())  # type: ignore[type-arg]  # as the sink wrote it
        return found


@contextmanager
def sink(count: int) -> Iterator[Sink]:
    """So many endpoints on free loopback ports."""
    argv = [proc.PYTHON, str(Path(__file__).with_name("sink.py")), str(count)]
    child = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        yield Sink(child)
    finally:
        proc.end(child)
