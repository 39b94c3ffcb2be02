"""One HTTP server on two listeners: the Unix socket, which is the terminal's, and TCP on loopback."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import socket
import struct
from collections.abc import Awaitable, Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from buildnet_cli.api import problems
from buildnet_cli.api.auth import PEER
from buildnet_cli.errors import ConfigError, Kind

Application = Callable[[Any, Any, Any], Awaitable[None]]
"""An ASGI application."""

_LONGEST_FRAME = 1 << 16
_PEER_CREDENTIALS = struct.Struct("3i")


MAX_HEAD: Final = 64 << 10
"""Bytes of a request's line and headers together."""
MAX_HEADERS: Final = 200
"""Headers of one request."""
HEAD_SECS: Final = 10.0
"""How long a request's head may take to come."""

_LET_IT_END_SECS = 1.0


class _PeerProtocol(HttpToolsProtocol):
    """Writes into the scope whose the other end of the Unix socket is, as the kernel tells it; bounds what a head may cost."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(cast(asyncio.Transport, transport))
        self._head_bytes = 0
        self._is_refused = False
        self._head_due: asyncio.TimerHandle | None = self.loop.call_later(HEAD_SECS, self.transport.close)
        connection = transport.get_extra_info("socket")
        peer = _uid_of(connection) if connection is not None and connection.family == socket.AF_UNIX else None
        self.app = cast(Any, _with_peer(self.app, peer))
        self.ws_protocol_class = cast(Any, functools.partial(_websocket, peer))

    def connection_lost(self, exc: Exception | None) -> None:
        self._head_came()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_refused:
            super().data_received(data)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._head_bytes = 0
        self._await_head()

    def on_url(self, url: bytes) -> None:
        super().on_url(url)
        self._count(len(url), "the address is too long", 414)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self._count(len(name) + len(value), "the headers are too large", 431)
        if len(self.headers) > MAX_HEADERS:
            self._refuse("there are too many headers", 431)

    def on_headers_complete(self) -> None:
        self._head_came()
        if not self._is_refused:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        if not self._is_refused:
            super().on_body(body)

    def on_message_complete(self) -> None:
        if not self._is_refused:
            super().on_message_complete()

    def _await_head(self) -> None:
        self._head_came()
        self._head_due = self.loop.call_later(HEAD_SECS, self._refuse, "the request did not come in time", 408)

    def _head_came(self) -> None:
        if self._head_due is not None:
            self._head_due.cancel()
            self._head_due = None

    def _count(self, size: int, complaint: str, status: int) -> None:
        self._head_bytes += size
        if self._head_bytes > MAX_HEAD:
            self._refuse(complaint, status)

    def _refuse(self, complaint: str, status: int) -> None:
        """Answer, once, and close after a moment: who is cut off while sending may never see the answer."""
        if self._is_refused:
            return
        self._is_refused = True
        answer = problems.problem(status, Kind.USAGE, complaint, headers={"Connection": "close"})
        lines = [b"HTTP/1.1 %d %s" % (status, HTTPStatus(status).phrase.encode())]
        lines += [name + b": " + value for name, value in answer.raw_headers]
        self.transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + bytes(answer.body))
        self._head_came()
        self._head_due = self.loop.call_later(_LET_IT_END_SECS, self.transport.close)


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
