"""Runs the sandbox on loopback, its mail server beside it, until it is told to stop."""

from __future__ import annotations

import contextlib
import json
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn

from buildnet_cli.clock import SystemClock
from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox import smtp
from buildnet_cli.sandbox.app import create_app
from buildnet_cli.sandbox.front import Front, Journal
from buildnet_cli.sandbox.inbox import Inbox, Received

_HOST = "127.0.0.1"


class SandboxServer(uvicorn.Server):
    """The sandbox on one loopback port. `run` serves until `stop`, or until a signal in the main thread.

    port: 0 for any free one; the mail server takes the next one, or any that is free. ready: called with the address once
    requests and mails are taken.
    journal: a file that gets one JSON line per request; None for none.
    Raises UsageError if the port is taken.
    """

    def __init__(
        self, port: int, ready: Callable[[str], None], *, inbox: Inbox | None = None, journal: Path | None = None
    ) -> None:
        self._ready = ready
        self._socket = listen(port)
        self._mail_socket = _listen_beside(port)
        self.url = f"http://{_HOST}:{self._socket.getsockname()[1]}"
        self.smtp_port: int = self._mail_socket.getsockname()[1]
        self.inbox = inbox or Inbox()
        self._front = Front(self.inbox, SystemClock(), _to_file(journal) if journal is not None else None)
        app = create_app(self._front)
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        with self._socket, self._mail_socket, contextlib.suppress(KeyboardInterrupt):
            super().run(sockets=[self._socket])

    def stop(self) -> None:
        """Ask `run` to return, from any thread."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._mail_server = await smtp.start(self._front, self._mail_socket)
        self._ready(self.url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._mail_server.close()
        await super().shutdown(sockets)


def serve(port: int, ready: Callable[[str], None], *, journal: Path | None = None) -> None:
    """Serve until interrupted. Arguments and errors as for SandboxServer."""
    SandboxServer(port, ready, journal=journal).run()


def listen(port: int) -> socket.socket:
    """A socket on a loopback port, 0 for any free one. Raises UsageError if it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((_HOST, port))
    except (OSError, OverflowError) as exc:
        listener.close()
        reason = exc.strerror if isinstance(exc, OSError) else "a port is a number up to 65535"
        raise UsageError(f"port {port} cannot be used: {reason}", hint="choose another one with --port") from None
    return listener


def _listen_beside(port: int) -> socket.socket:
    """A socket on the next port, so that it can be guessed; on any free one if that is taken."""
    with contextlib.suppress(UsageError):
        return listen(port + 1 if port else 0)
    return listen(0)


def _to_file(path: Path) -> Journal:
    def write(message: Received) -> None:
        with path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(message.as_wire()) + "\n")

    return write
