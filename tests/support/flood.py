"""Many clients at once, each on a connection of its own, and what they were answered."""

from __future__ import annotations

import http.client
import json
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from buildnet_cli.ids import new_id
from tests.support.agent import Project, UnixConnection
from tests.support.producer import TYPE


@dataclass
class Flood:
    """What came of it. accepted: ids that were answered with a success. refused: how often each other status was answered."""

    accepted: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def pour(self, project: Project, *, clients: int, events: int) -> None:
        """Hand in so many events, from so many clients at the same time."""
        share = events // clients
        with ThreadPoolExecutor(clients, thread_name_prefix="client") as pool:
            for ended in [pool.submit(self._hand_in, str(project.socket), number, share) for number in range(clients)]:
                ended.result()

    def _hand_in(self, socket: str, client: int, count: int) -> None:
        connection, accepted, refused = UnixConnection(socket), set(), Counter[int]()
        for number in range(count):
            id_ = new_id("evt")
            body = {"id": id_, "type": TYPE, "subject": f"s{client}", "message": "a flood", "payload": {"n": number}}
            connection.request("POST", "/api/events", json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            if answer.status == http.client.ACCEPTED:
                accepted.add(id_)
            else:
                assert answer.getheader("Retry-After"), f"{answer.status} without a time to come again"
                refused[answer.status] += 1
        connection.close()
        with self._lock:
            self.accepted |= accepted
            self.refused += refused


def peak_memory_mb(pid: int) -> float:
    """The most memory that a process has had at a time."""
    return _memory_mb(pid, "VmHWM")


def memory_mb(pid: int) -> float:
    """The memory that a process has now."""
    return _memory_mb(pid, "VmRSS")


def _memory_mb(pid: int, kind: str) -> float:
    line = next(line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith(kind))
    return int(line.split()[1]) / 1024
