"""Requests by the thousand over HTTP: as fast as they are answered, or each at its time."""

from __future__ import annotations

import asyncio
import json
import re
import statistics
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)


def request(path: str, body: object) -> bytes:
    """A whole POST of JSON."""
    content = json.dumps(body, separators=(",", ":")).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    return head.encode() + content


@dataclass(frozen=True)
class Load:
    """What came of a load. answered: how many got a 2xx. latencies: of each request, in seconds."""

    answered: int
    secs: float
    latencies: Sequence[float]

    @property
    def rate(self) -> float:
        return self.answered / self.secs

    def percentile(self, percent: int) -> float:
        return statistics.quantiles(self.latencies, n=100)[percent - 1]


class Connection(asyncio.Protocol):
    """A connection that is kept open. Requests may overlap; answers come in their order."""

    def __init__(self) -> None:
        self._received = b""
        self._waiting: deque[asyncio.Future[int]] = deque()

    @classmethod
    async def open(cls, path: Path) -> Connection:
        """Connect to a Unix socket."""
        _, connection = await asyncio.get_running_loop().create_unix_connection(cls, str(path))
        return connection

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def send(self, data: bytes) -> asyncio.Future[int]:
        """One request; its status. Raises ConnectionResetError if there is no answer."""
        future = asyncio.get_running_loop().create_future()
        self._waiting.append(future)
        self._transport.write(data)  # type: ignore[attr-defined]  # a transport that writes
        return future

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            status = int(self._received[9:12])
            self._received = self._received[whole:]
            self._waiting.popleft().set_result(status)

    def connection_lost(self, exc: Exception | None) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_exception(ConnectionResetError("the agent hung up"))

    def close(self) -> None:
        self._transport.close()


async def closed(path: Path, make: Callable[[], bytes], *, connections: int, secs: float = 0, requests: int = 0) -> Load:
    """Each connection asks again as soon as it is answered, for a time or until so many requests have been made."""
    opened = [await Connection.open(path) for _ in range(connections)]
    latencies: list[float] = []
    answered, made = 0, 0
    begin = time.perf_counter()

    async def ask(connection: Connection) -> None:
        nonlocal answered, made
        while made < requests if requests else time.perf_counter() - begin < secs:
            made += 1
            asked = time.perf_counter()
            status = await connection.send(make())
            latencies.append(time.perf_counter() - asked)
            answered += status < 300

    await asyncio.gather(*(ask(connection) for connection in opened))
    took = time.perf_counter() - begin
    for connection in opened:
        connection.close()
    return Load(answered, took, latencies)


async def steady(path: Path, make: Callable[[], bytes], *, rate: float, secs: float, connections: int = 8) -> None:
    """One request after the other, each at its time, whether those before it have been answered or not."""
    opened = [await Connection.open(path) for _ in range(connections)]
    begin, under_way = time.perf_counter(), []
    for number in range(int(rate * secs)):
        await asyncio.sleep(max(0.0, begin + number / rate - time.perf_counter()))
        under_way.append(opened[number % connections].send(make()))
    refused = [status for status in await asyncio.gather(*under_way) if status >= 300]
    assert not refused, f"{len(refused)} events were refused, with {set(refused)}"
    for connection in opened:
        connection.close()
