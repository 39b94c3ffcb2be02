"""Runs the stand-in on loopback until it is told to stop, or dies as the daemon does."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from pathlib import Path

import uvicorn
from starlette.requests import Request

from buildnet_cli.sandbox.buildnetd.app import create_app
from buildnet_cli.sandbox.buildnetd.daemon import Daemon
from buildnet_cli.sandbox.buildnetd.feed import Feed
from buildnet_cli.sandbox.server import listen

CONFIG = Path(".buildnet/config.json")


class StandIn(uvicorn.Server):
    """A BuildNet daemon for the project in a folder, on one loopback port. `run` serves until `stop`.

    root: the folder that holds `.buildnet/config.json`. port: 0 for any free one.
    keep_alive_secs: between the event stream's comments. ready: called once requests are taken.
    Raises UsageError if the port is taken, OSError or ValueError if there is no configuration to read.
    """

    def __init__(
        self, root: Path, port: int = 0, *, keep_alive_secs: float = 15.0, ready: Callable[[], None] = lambda: None
    ) -> None:
        self._ready = ready
        self._listener = listen(port)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        config = json.loads((root / CONFIG).read_text(encoding="utf-8"))
        self.daemon = Daemon(config, root, feed=Feed(keep_alive_secs), die=self.die)
        app = create_app(self.daemon, leave=self.leave, reset=self._reset)
        super().__init__(
            uvicorn.Config(
                app,
                lifespan="off",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_graceful_shutdown=1,
            )
        )

    def run(self, sockets: list[socket.socket] | None = None) -> None:
        with self._listener:
            super().run(sockets=[self._listener])

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._ready()

    def stop(self) -> None:
        """End at once, from any thread: every connection breaks, children go on."""
        self.force_exit = self.should_exit = True

    def die(self) -> None:
        """End as the process would: no answer goes out any more."""
        for connection in list(self.server_state.connections):
            _abort(connection)
        self.stop()

    def leave(self) -> None:
        """End as the process does when it is asked to: no better."""
        self.die()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for connection in list(self.server_state.connections):
            _abort(connection)
        await super().shutdown(sockets)

    def _reset(self, request: Request) -> None:
        for connection in list(self.server_state.connections):
            if getattr(connection, "client", None) == request.scope["client"]:
                _abort(connection)


def _abort(connection: object) -> None:
    transport = getattr(connection, "transport", None)
    if transport is not None:
        transport.abort()
