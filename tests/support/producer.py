"""Hands in events, and knows which of them were accepted: its own journal, written after each answer."""

from __future__ import annotations

import http.client
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from buildnet_cli.ids import new_id
from tests.support.agent import Project, ask

TYPE = "custom.fault"
"""What all of its events are; the agent's own are left out of every check."""


@dataclass
class Producer:
    """Hands in events one after the other.

    accepted: by subject, the ids that an answer promised, in the order of the answers. unclear: handed in without an answer.
    refused: how often each other status was answered. said: with which words at last.
    """

    project: Project
    subjects: int = 4
    padding: int = 0
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unclear: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    said: dict[int, str] = field(default_factory=dict)
    _count: int = 0

    def emit(self) -> int:
        """Hand in the next event; the status of the answer, 0 for none."""
        self._count += 1
        subject, id_ = f"s{self._count % self.subjects}", new_id("evt")
        body = {"id": id_, "type": TYPE, "subject": subject, "payload": {"n": self._count, "x": "x" * self.padding}}
        try:
            answer = ask(self.project.socket, "POST", "/api/events", body)
        except (FileNotFoundError, ConnectionRefusedError):
            return 0  # no agent: nothing was handed in
        except (OSError, http.client.HTTPException):
            self.unclear.add(id_)
            return 0
        if answer.status == 202:
            self.accepted[subject].append(id_)
        else:
            self.refused[answer.status] += 1
            self.said[answer.status] = str(answer.body)
        return answer.status

    @contextmanager
    def running(self, pause_secs: float = 0.005) -> Iterator[None]:
        """Hand in events for as long as the block lasts."""
        is_over = threading.Event()

        def work() -> None:
            while not is_over.wait(pause_secs):
                self.emit()

        thread = threading.Thread(target=work, name="producer", daemon=True)
        thread.start()
        try:
            yield
        finally:
            is_over.set()
            thread.join()

    @property
    def total(self) -> int:
        """How many were accepted."""
        return sum(map(len, self.accepted.values()))
