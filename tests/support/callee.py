"""A server that a provider's stand-in calls: it hands raw requests to whoever reads them, and answers what comes of it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import UsageError

Read = Callable[[Mapping[str, str], bytes], dict[str, Any] | None]
"""From headers by lower-case name and the raw body to the JSON of an answer; None for an empty one."""


@contextmanager
def callee(read: Read) -> Iterator[str]:
    """Run it in a thread; its URL. What is forged gets a 401, what makes no sense a 400."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            try:
                said = read({name.lower(): value for name, value in self.headers.items()}, body)
                status = 200
            except (ForgedError, UsageError) as refusal:
                status, said = 401 if isinstance(refusal, ForgedError) else 400, {"error": refusal.message}
            answer = json.dumps(said).encode() if said is not None else b""
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Nothing is printed."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
