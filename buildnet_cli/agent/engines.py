"""Which engine speaks for the workspace: decided at the start and at a reload, never in between."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from buildnet_cli.config.loader import Loaded
from buildnet_cli.engine.buildnetd.probe import serves
from buildnet_cli.engine.local.engine import LocalEngine
from buildnet_cli.engine.model import Build, CacheStats, EngineStatus, Ticket
from buildnet_cli.engine.project import Project
from buildnet_cli.net.http import HttpClient

if TYPE_CHECKING:
    from buildnet_cli.engine.buildnetd.engine import BuildnetdEngine

_LOOPBACK = ("127.0.0.1", "localhost", "::1")

_log = logging.getLogger(__name__)


class ChosenEngine:
    """Implements `engine/port.Engine` by the engine that was chosen.

    local, daemon: make an engine by a configuration. own: where our own API listens, which is no daemon; empty for nowhere.
    """

    def __init__(
        self,
        loaded: Loaded,
        http: HttpClient,
        root: Path,
        *,
        local: Callable[[], LocalEngine],
        daemon: Callable[[Loaded], BuildnetdEngine],
        own: str,
    ) -> None:
        self._loaded = loaded
        self._http = http
        self._root = root.resolve()
        self._make_local = local
        self._make_daemon = daemon
        self._own = own
        self._engine: LocalEngine | BuildnetdEngine = local()

    @property
    def is_daemon(self) -> bool:
        """Whether a BuildNet daemon builds; then `daemon.*` events are about that one, and not about our agent."""
        return not isinstance(self._engine, LocalEngine)

    async def start(self) -> None:
        if await self._has_daemon(self._loaded):
            self._engine = self._make_daemon(self._loaded)
        await self._engine.start()

    async def reload(self, loaded: Loaded, project: Project, environment: Mapping[str, str]) -> None:
        """Go by another configuration from now on. If that means another engine, what runs is ended; what waits is kept."""
        wants_daemon = await self._has_daemon(loaded)
        before, self._loaded = self._loaded, loaded
        is_same_daemon = wants_daemon and loaded.config.engine.url == before.config.engine.url
        if isinstance(self._engine, LocalEngine) and not wants_daemon:
            self._engine.replace_project(project, environment)
        elif not isinstance(self._engine, LocalEngine) and is_same_daemon:
            self._engine.look_again()
        else:
            _log.warning("another engine builds from now on: %s", "buildnetd" if wants_daemon else "local")
            await self._engine.shutdown()
            self._engine = self._make_daemon(loaded) if wants_daemon else self._make_local()
            if isinstance(self._engine, LocalEngine):
                self._engine.replace_project(project, environment)
            await self._engine.start()

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        return await self._engine.enqueue(package, requested_by=requested_by, is_forced=is_forced)

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        return await self._engine.cancel(target, requested_by=requested_by)

    async def status(self) -> EngineStatus:
        return await self._engine.status()

    async def pause(self) -> int:
        return await self._engine.pause()

    async def resume(self) -> int:
        return await self._engine.resume()

    async def cache_stats(self) -> CacheStats:
        return await self._engine.cache_stats()

    async def cache_clear(self) -> CacheStats:
        return await self._engine.cache_clear()

    async def shutdown(self) -> None:
        await self._engine.shutdown()

    async def stop_daemon(self) -> None:
        """End the BuildNet daemon, if one builds. Raises UnreachableError if it does not answer."""
        if not isinstance(self._engine, LocalEngine):
            await self._engine.stop_daemon()

    async def daemon_answers(self) -> bool:
        """Whether a BuildNet daemon builds, and answers."""
        return not isinstance(self._engine, LocalEngine) and await self._engine.daemon_answers()

    async def _has_daemon(self, loaded: Loaded) -> bool:
        engine = loaded.config.engine
        if engine.type != "auto":
            return engine.type == "buildnetd"
        return not self._is_own(engine.url) and await serves(self._http, engine.url, self._root)

    def _is_own(self, url: str) -> bool:
        """Whether our own API listens there; at the start it does not answer yet."""
        there, here = urlsplit(url), urlsplit(self._own)
        return there.hostname in _LOOPBACK and there.port == here.port
