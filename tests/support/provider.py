"""A provider's stand-in whose journal outlives everything that happens to the agent."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from buildnet_cli.sandbox.inbox import Inbox, read_answers
from buildnet_cli.sandbox.server import SandboxServer


class Provider:
    """Answers as it is told, and writes down all it takes."""

    def __init__(self, url: str, inbox: Inbox, journal: Path) -> None:
        self._url = url
        self._inbox = inbox
        self._journal = journal
        self._read_bytes = 0
        self._entries: dict[str, list[dict[str, Any]]] = defaultdict(list)

    def hook(self, name: str) -> str:
        """The URL that stands in for a webhook."""
        return f"{self._url}/hooks/{name}"

    def script(self, name: str, *answers: Any) -> None:
        """How the next requests to a hook are answered: 503, {"status": 429, "retry_after": 1}, "hang" …"""
        self._inbox.script(name, read_answers({"answers": list(answers)}))

    def journal(self, name: str) -> list[dict[str, Any]]:
        """Every request that reached a hook, in order."""
        self._read_on()
        return self._entries[name].copy()

    def taken(self, name: str) -> list[dict[str, Any]]:
        """Those that were answered with a success."""
        return [entry for entry in self.journal(name) if 200 <= entry["answered"] < 300]

    def _read_on(self) -> None:
        if not self._journal.exists():
            return
        with self._journal.open("rb") as file:
            file.seek(self._read_bytes)
            whole, newline, _ = file.read().rpartition(b"\n")  # what follows is being written
        self._read_bytes += len(whole + newline)
        for line in whole.splitlines():
            entry = json.loads(line)
            self._entries[entry["recipient"]].append(entry)


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
