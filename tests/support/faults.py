"""What fault tests are made of: a provider that writes down all it takes, a producer that knows what was accepted, a checker."""

from __future__ import annotations

import http.client
import itertools
import json
import os
import random
import threading
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from buildnet_cli.ids import new_id
from buildnet_cli.sandbox.inbox import Inbox, read_answers
from buildnet_cli.sandbox.server import SandboxServer
from tests.support.agent import Project, ask

SECONDS = float(os.environ.get("FAULT_SECS", "25"))
"""How long each random test goes on."""


def new_random() -> random.Random:
    """Chance that can be had again: set FAULT_SEED to what a failed test says."""
    return random.Random(seed())


def seed() -> int:
    """The seed of this run."""
    return int(os.environ.setdefault("FAULT_SEED", str(random.SystemRandom().randrange(10**6))))


class Provider:
    """A provider's stand-in whose journal outlives everything that happens to us."""

    def __init__(self, url: str, inbox: Inbox, journal: Path) -> None:
        self._url = url
        self._inbox = inbox
        self._journal = journal

    def hook(self, name: str) -> str:
        return f"{self._url}/hooks/{name}"

    def script(self, name: str, *answers: Any) -> None:
        """How the next requests to a hook are answered."""
        self._inbox.script(name, read_answers({"answers": list(answers)}))

    def journal(self, name: str) -> list[dict[str, Any]]:
        """Every request that reached a hook, in order."""
        if not self._journal.exists():
            return []
        entries = (json.loads(line) for line in self._journal.read_text().splitlines())
        return [entry for entry in entries if entry["recipient"] == name]

    def taken(self, name: str) -> list[dict[str, Any]]:
        """Those that were answered with a success."""
        return [entry for entry in self.journal(name) if 200 <= entry["answered"] < 300]


@contextmanager
def provider(folder: Path) -> Iterator[Provider]:
    """Run a stand-in in a thread; it has ended when the block ends."""
    inbox, journal, is_ready = Inbox(), folder / "journal.jsonl", threading.Event()
    server = SandboxServer(0, lambda _: is_ready.set(), inbox=inbox, journal=journal)
    thread = threading.Thread(target=server.run, name="provider", daemon=True)
    thread.start()
    try:
        assert is_ready.wait(10), "the provider did not start"
        yield Provider(server.url, inbox, journal)
    finally:
        server.stop()
        thread.join(10)


@dataclass
class Producer:
    """Hands in events one after the other, and knows which of them were accepted.

    accepted: by subject, the ids that an answer promised, in the order of the answers. unclear: handed in without an answer.
    """

    project: Project
    subjects: int = 4
    padding: int = 0
    accepted: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    unclear: set[str] = field(default_factory=set)
    refused: Counter[int] = field(default_factory=Counter)
    _count: int = 0

    def emit(self) -> int:
        """Hand in the next event; the status of the answer, 0 for none."""
        self._count += 1
        subject, id_ = f"s{self._count % self.subjects}", new_id("evt")
        body = {"id": id_, "type": "custom.fault", "subject": subject, "payload": {"n": self._count, "x": "x" * self.padding}}
        try:
            status = ask(self.project.socket, "POST", "/api/events", body).status
        except (OSError, http.client.HTTPException):
            self.unclear.add(id_)
            return 0
        if status == 202:
            self.accepted[subject].append(id_)
        else:
            self.refused[status] += 1
        return status

    @contextmanager
    def running(self, pause_secs: float = 0.01) -> Iterator[None]:
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
        return sum(map(len, self.accepted.values()))


@dataclass(frozen=True)
class Findings:
    """What is wrong with a delivery, by name; all empty if nothing is.

    duplicated: event ids that were taken more than once, with the number of extra copies: a fact, and wrong only beyond a bound.
    """

    lost: list[str]
    duplicated: dict[str, int]
    reordered: list[tuple[str, str]]
    renamed: list[str]
    late: list[tuple[str, float]]

    @property
    def extra_copies(self) -> int:
        return sum(self.duplicated.values())

    def must_be_clean(self, *, most_extra: int = 0) -> None:
        """Raises AssertionError, naming everything that is wrong and the seed."""
        told = f"seed {seed()}"
        assert self.lost == [], f"lost ({told})"
        assert self.renamed == [], f"one event under several delivery ids ({told})"
        assert self.reordered == [], f"reordered ({told})"
        assert self.late == [], f"late ({told})"
        assert self.extra_copies <= most_extra, f"{self.duplicated} duplicated ({told})"


def check(producer: Producer, taken: list[dict[str, Any]], *, latest_secs: float | None = None) -> Findings:
    """Compare what was accepted with what the provider took.

    latest_secs: how long after the event the first copy may come; None to leave that open.
    """
    entries = [entry for entry in taken if entry["body"]["type"] == "custom.fault"]
    copies = Counter(entry["body"]["id"] for entry in entries)
    names: dict[str, set[str]] = defaultdict(set)
    first: dict[str, dict[str, Any]] = {}
    for entry in entries:
        names[entry["body"]["id"]].add(entry["headers"]["webhook-id"])
        first.setdefault(entry["body"]["id"], entry)
    reordered = []
    for ids in producer.accepted.values():
        arrived = {id_: first[id_]["number"] for id_ in ids if id_ in first}
        in_order = list(arrived)
        reordered += [(a, b) for a, b in itertools.pairwise(in_order) if arrived[a] > arrived[b]]
    late = [(id_, secs) for id_, entry in first.items() if latest_secs is not None and (secs := delay_of(entry)) > latest_secs]
    return Findings(
        lost=[id_ for ids in producer.accepted.values() for id_ in ids if id_ not in first],
        duplicated={id_: count - 1 for id_, count in copies.items() if count > 1},
        reordered=reordered,
        renamed=[id_ for id_, given in names.items() if len(given) > 1],
        late=late,
    )


def delay_of(entry: dict[str, Any]) -> float:
    """Seconds from the event to the provider."""
    return (datetime.fromisoformat(entry["received_at"]) - datetime.fromisoformat(entry["body"]["timestamp"])).total_seconds()


def unhindered(*webhooks: dict[str, Any]) -> dict[str, Any]:
    """The section of a configuration that sends every event on at once to all of these."""
    limits = {"max_per_minute": 100_000, "max_per_hour": 100_000, "critical_per_minute": 100_000}
    return {
        "notifications": {
            "settings": {"dedup_window_secs": 0, "rate_limit": limits},
            "channels": {"webhooks": [{"events": ["*"], **webhook} for webhook in webhooks]},
        }
    }


def conservation(project: Project) -> tuple[int, int]:
    """How many deliveries were accepted, and how many there are in all states."""
    ((accepted,),) = project.rows("SELECT amount FROM ledger WHERE entry = 'accepted'")
    ((counted,),) = project.rows("SELECT count(*) FROM deliveries")
    return accepted, counted
