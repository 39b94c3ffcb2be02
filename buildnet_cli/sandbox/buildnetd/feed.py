"""The daemon's event stream: unnamed events, no ids, no replay, and a slow listener loses its place without a word."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request

from buildnet_cli.sandbox.buildnetd.wire import timestamp

_BUFFER = 100


class Feed:
    """keep_alive_secs: between comments while nothing happens."""

    def __init__(self, keep_alive_secs: float = 15.0) -> None:
        self._keep_alive_secs = keep_alive_secs
        self._listeners: set[asyncio.Queue[str]] = set()

    def tell(
        self,
        event_type: str,
        message: str,
        *,
        package: str | None = None,
        level: str = "info",
        source: dict[str, Any] | None = None,
        build: dict[str, Any] | None = None,
    ) -> None:
        """Send an event to whoever listens at this moment."""
        event: dict[str, Any] = {
            "event_type": event_type,
            "package": package,
            "message": message,
            "timestamp": timestamp(),
            "level": level,
        }
        event |= ({"source": source} if source else {}) | ({"build_info": build} if build else {})
        for listener in self._listeners:
            if listener.full():
                listener.get_nowait()
            listener.put_nowait(f"data: {json.dumps(event)}\n\n")

    async def listen(self) -> AsyncIterator[str]:
        """What goes out to one listener."""
        listener: asyncio.Queue[str] = asyncio.Queue(_BUFFER)
        self._listeners.add(listener)
        try:
            self.tell("client_connected", "Client connected to event stream", level="debug")
            while True:
                try:
                    yield await asyncio.wait_for(listener.get(), self._keep_alive_secs)
                except TimeoutError:
                    yield ":\n\n"
        finally:
            self._listeners.discard(listener)


def source_of(request: Request) -> dict[str, Any]:
    """Who asks, as the daemon guesses it from the headers."""
    agent = request.headers.get("user-agent", "")
    known = [
        ("curl", "curl/"),
        ("cli", "buildnet-cli"),
        ("cli", "buildnetd"),
        ("browser", "Mozilla/"),
        ("api", "python"),
        ("api", "node"),
    ]
    headers = request.headers
    return {
        "source_type": next((kind for kind, mark in known if mark in agent), "unknown"),
        "user_agent": agent or None,
        "ip": headers.get("x-forwarded-for") or headers.get("x-real-ip") or headers.get("cf-connecting-ip"),
        "referer": headers.get("referer"),
        "forwarded_for": headers.get("x-forwarded-for"),
    }
