"""The far end of notifications: `python sink.py COUNT` listens on so many free ports and obeys lines on its standard input.

It does the least that an endpoint can do, so that what is measured is whoever sends.
"""

from __future__ import annotations

import asyncio
import json
import re
import sys
import time

import uvloop

_LENGTH = re.compile(rb"content-length: *([0-9]+)", re.IGNORECASE)
_DUE = re.compile(rb'"due": ?([0-9]+)')
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Type: text/plain\r\n\r\nok"


class Endpoint:
    """What one port has been sent."""

    def __init__(self) -> None:
        self.is_stopped = False
        self.took: list[float] = []

    def take(self, body: bytes) -> None:
        due = _DUE.search(body)
        self.took.append((time.monotonic_ns() - int(due[1])) / 1e9 if due else 0.0)


class Connection(asyncio.Protocol):
    """One client; its requests may come in pieces."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._endpoint.is_stopped:
            return
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            length = _LENGTH.search(self._received, 0, end)
            whole = end + 4 + (int(length[1]) if length else 0)
            if len(self._received) < whole:
                return
            self._endpoint.take(self._received[end + 4 : whole])
            self._received = self._received[whole:]
            self._transport.write(_ANSWER)  # type: ignore[attr-defined]  # a transport that writes


async def main(count: int) -> None:
    """Listen, say where, and obey until the input ends."""
    loop = asyncio.get_running_loop()
    endpoints = [Endpoint() for _ in range(count)]
    servers = [await loop.create_server(lambda endpoint=endpoint: Connection(endpoint), "127.0.0.1", 0) for endpoint in endpoints]
    _say([server.sockets[0].getsockname()[1] for server in servers])
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        word, *rest = line.split()
        if word == "report":
            _say([endpoint.took for endpoint in endpoints])
            continue
        if word == "clear":
            for endpoint in endpoints:
                endpoint.took = []
        elif word == "stop":
            endpoints[int(rest[0])].is_stopped = True
        _say([])


def _say(value: object) -> None:
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
