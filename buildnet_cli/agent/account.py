"""The agent's account of itself, for whoever asks: computed when something has changed, remembered until then."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildnet_cli import __version__
from buildnet_cli.agent.status import as_text, describe_deliveries, describe_queue, describe_trouble
from buildnet_cli.agent.wiring import Parts
from buildnet_cli.channels.registry import SUPPORTED
from buildnet_cli.clock import Clock
from buildnet_cli.config.loader import Loaded
from buildnet_cli.delivery.alarm import is_trouble
from buildnet_cli.delivery.breaker import Breaker, Flow
from buildnet_cli.engine.model import Build
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import builds, deliveries

_RECENT = 5
_WORSE = (Flow.WORKING, Flow.REFUSING, Flow.FAILING, Flow.GONE, Flow.HELD)


@dataclass(frozen=True)
class StatusPage:
    """The status in both its forms: JSON for programs, lines for a terminal."""

    body: bytes
    text: str


class Account:
    """What can be said of a running agent.

    damage: what is wrong with the database; empty for nothing.
    api: where it listens on TCP, empty if it does not. socket: its Unix socket.
    """

    def __init__(self, parts: Parts, clock: Clock, loaded: Loaded, *, api: str, socket: Path) -> None:
        self.is_stopping = False
        self.damage = ""
        self._parts = parts
        self._clock = clock
        self._started_at = clock.monotonic()
        self._api = api
        self._socket = socket
        self._page: tuple[object, StatusPage] | None = None
        self.take_over(loaded)

    def take_over(self, loaded: Loaded) -> None:
        """Speak of another configuration from now on."""
        self._loaded = loaded
        self._seen = _fingerprint(loaded.file)
        self._page = None

    async def channels(self) -> list[dict[str, str]]:
        """Every channel, and whether it can be used: ok, failing, held, gone, refusing, not supported yet, or off."""
        return self._channels(await self._parts.store.read(deliveries.failing_channels))

    def _channels(self, failing: frozenset[str]) -> list[dict[str, str]]:
        notifications = self._loaded.config.notifications
        worst = {target.channel: breaker.flow.value for target, breaker in self._troubles()}
        on = {**dict.fromkeys(notifications.enabled_channels()), **self._parts.channels}
        off = dict.fromkeys(each.channel for each in notifications.silenced_recipients() if each.channel not in on)
        return [{"name": name, "state": "off" if name in off else _state_of(name, failing, worst)} for name in {**on, **off}]

    def _troubles(self) -> list[tuple[Target, Breaker]]:
        """Who does not take what is sent, the worst last."""
        found = [(target, breaker) for target, breaker in self._parts.dispatcher.breakers.items() if is_trouble(breaker)]
        return sorted(found, key=lambda each: (_WORSE.index(each[1].flow), str(each[0])))

    async def status(self) -> Mapping[str, Any]:
        """The agent's status, as every interface shows it."""
        status, _ = await self._look()
        return status

    async def page(self) -> StatusPage:
        """The status ready to go out. At most a second old, and never older than the last change that was stored."""
        key = (self._parts.store.commits, int(self._clock.monotonic()), self.is_stopping)
        if self._page is None or self._page[0] != key:
            status, recent = await self._look()
            page = StatusPage(json.dumps(status).encode(), as_text(status, recent, self._clock.now()))
            self._page = (key, page)
        return self._page[1]

    async def _look(self) -> tuple[dict[str, Any], list[Build]]:
        engine = await self._parts.engine.status()
        counts, failing, recent = await self._parts.store.read(
            lambda db: (deliveries.counts(db), deliveries.failing_channels(db), builds.page(db, limit=_RECENT).items)
        )
        trouble = self._parts.dispatcher.trouble or self.damage
        status = {
            "state": "stopping" if self.is_stopping else "degraded" if trouble else "running",
            "pid": os.getpid(),
            "uptime_secs": round(self._clock.monotonic() - self._started_at, 1),
            "version": __version__,
            "api": self._api,
            "socket": str(self._socket),
            "channels": self._channels(failing),
            "targets": [describe_trouble(target, breaker) for target, breaker in self._troubles()],
            "engine": {
                "kind": engine.kind,
                "state": engine.state,
                "packages": list(engine.packages),
                "capabilities": sorted(engine.capabilities),
            },
            "queue": describe_queue(engine),
            "trouble": trouble or None,
            "deliveries": describe_deliveries({state.value: count for state, count in counts.items()}),
            "config": {"path": self._loaded.file, "is_stale": _fingerprint(self._loaded.file) != self._seen},
        }
        return status, recent


def _state_of(channel: str, failing: frozenset[str], worst: Mapping[str, str]) -> str:
    if channel not in SUPPORTED:
        return "not supported yet"
    return worst.get(channel, "failing" if channel in failing else "ok")


def _fingerprint(path: str) -> tuple[int, int] | None:
    """What changes when a file is written: its time and size; None if it is not there."""
    try:
        info = Path(path).stat()
    except OSError:
        return None
    return info.st_mtime_ns, info.st_size
