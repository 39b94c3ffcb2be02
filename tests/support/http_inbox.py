"""A real sandbox on a free loopback port, for as long as a test needs it."""

from __future__ import annotations

import json
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from buildnet_cli.sandbox.inbox import Inbox, Received, read_answers
from buildnet_cli.sandbox.server import SandboxServer


class HttpInbox:
    """What a test does with a running sandbox."""

    def __init__(self, url: str, inbox: Inbox, smtp_port: int = 0) -> None:
        self.url = url
        self.smtp_port = smtp_port
        self._inbox = inbox

    def hook(self, name: str) -> str:
        """The URL that stands in for a webhook."""
        return f"{self.url}/hooks/{name}"

    def script(self, name: str, *answers: Any) -> None:
        """The next requests to a hook are answered like this: 503, {"status": 429, "retry_after": 1}, "hang" …"""
        self._inbox.script(name, read_answers({"answers": list(answers)}))

    def received(self, name: str | None = None) -> list[Received]:
        """What arrived, oldest first; of one hook or of all."""
        return [message for message in self._inbox.messages() if name in (None, message.recipient)]

    def clear(self) -> None:
        """Forget what arrived and what was scripted."""
        self._inbox.clear()

    def get(self, path: str) -> Any:
        """The JSON under a path, over HTTP."""
        with urllib.request.urlopen(self.url + path, timeout=5) as answer:
            return json.load(answer)

    def send(self, provider: str, **wish: Any) -> Any:
        """Have a provider post a request, as `POST /slack/send` and `/discord/send` take it; what was answered."""
        body = json.dumps(wish).encode()
        request = urllib.request.Request(f"{self.url}/{provider}/send", body, {"content-type": "application/json"})
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)


@contextmanager
def http_inbox() -> Iterator[HttpInbox]:
    """Run the sandbox in a thread; it has ended when the block ends."""
    inbox, is_ready = Inbox(), threading.Event()
    server = SandboxServer(0, lambda _: is_ready.set(), inbox=inbox)
    thread = threading.Thread(target=server.run, name="sandbox", daemon=True)
    thread.start()
    try:
        assert is_ready.wait(10), "the sandbox did not start"
        yield HttpInbox(server.url, inbox, server.smtp_port)
    finally:
        server.stop()
        thread.join(10)
        assert not thread.is_alive(), "the sandbox did not stop"
