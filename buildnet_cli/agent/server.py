"""One HTTP server on two listeners: the Unix socket, which is the terminal's, and TCP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from buildnet_cli.api.auth import PEER
from buildnet_cli.errors import ConfigError

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

_LONGEST_FRAME = 1 << 16
_PEER_CREDENTIALS = struct.Struct("3i")


class _PeerProtocol(HttpToolsProtocol):
    """Writes into the scope who is on the other end of the Unix socket, as the kernel tells it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        connection = transport.get_extra_info("socket")
        peer = _uid_of(connection) if connection is not None and connection.family == socket.AF_UNIX else None
        self.app = cast(Any, _with_peer(self.app, peer))
        self.ws_protocol_class = cast(Any, functools.partial(_websocket, peer))


def _with_peer(application: Any, peer: int | None) -> Application:
    async def with_peer(scope: Any, receive: Any, send: Any) -> None:
        scope[PEER] = peer
        await application(scope, receive, send)

    return with_peer


def _websocket(peer: int | None, **made_with: Any) -> asyncio.Protocol:
    """What takes over a connection that becomes a WebSocket; loaded with the first of them."""
    from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

    protocol = WebSocketsSansIOProtocol(**made_with)
    protocol.app = cast(Any, _with_peer(protocol.app, peer))
    return protocol


class _Server(uvicorn.Server):
    """Leaves signals to the agent: uvicorn would raise them again after its stop, and the agent's own end would never run."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class ApiServer:
    """Serves an application on both listeners until it is stopped.

    path: the Unix socket, made with mode 0600. link: where a link to it is kept.
    tcp: a bound TCP socket, or None.
    """

    def __init__(self, app: Application, *, path: Path, link: Path, tcp: socket.socket | None) -> None:
        self._path = path
        self._link = link
        self._tcp = tcp
        config = uvicorn.Config(
            app,
            http=_PeerProtocol,
            ws="none",  # as far as uvicorn knows; see _websocket
            ws_max_size=_LONGEST_FRAME,
            ws_per_message_deflate=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_graceful_shutdown=3,
        )
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Listen; requests are answered when this returns."""
        _replace_link(self._link, self._path)
        listeners = [_listen_unix(self._path)]
        if self._tcp is not None:
            listeners.append(self._tcp)
        self._task = asyncio.create_task(self._server.serve(sockets=listeners), name="api")
        while not self._server.started:
            if self._task.done():
                self._task.result()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Finish what is being answered, then close both listeners."""
        self._server.should_exit = True
        if self._task is not None:
            await self._task
            for path in (self._link, self._path):
                path.unlink(missing_ok=True)
        elif self._tcp is not None:
            self._tcp.close()  # it never came to serve it


def _listen_unix(path: Path) -> socket.socket:
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        # Only the holder of the agent's lock comes here, so whatever lies at this path is stale.
        path.unlink(missing_ok=True)
        listener.bind(str(path))
    except OSError as exc:
        listener.close()
        raise _in_the_way(path, exc) from exc
    finally:
        os.umask(before)
    listener.listen(128)
    listener.setblocking(False)
    return listener


def _replace_link(link: Path, target: Path) -> None:
    fresh = link.with_name(f"{link.name}.new")
    try:
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target)
        fresh.replace(link)
    except OSError as exc:
        raise _in_the_way(link, exc) from exc


def _in_the_way(path: Path, exc: OSError) -> ConfigError:
    return ConfigError(
        f"the agent's socket cannot be made at {path} ({(exc.strerror or 'refused').lower()})", hint=f"remove {path}"
    )


def _uid_of(connection: Any) -> int:
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _PEER_CREDENTIALS.size)
    _, uid, _ = _PEER_CREDENTIALS.unpack(credentials)
    return int(uid)
