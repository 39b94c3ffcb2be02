"""What tests of an engine need: a recorder that keeps its rows in memory, and projects made in one line."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.engine.project import Package, Project
from buildnet_cli.errors import StorageError
from buildnet_cli.events.model import EventDraft
from tests.support.clocks import START


@dataclass
class MemoryRecorder:
    """Implements `buildnet_cli.engine.port.BuildRecorder`.

    rows: the last state of each build. history: every state, in the order it was stored. medians: seconds by package.
    is_full: refuses everything, as a full disk does.
    """

    rows: dict[str, Build] = field(default_factory=dict)
    history: list[Build] = field(default_factory=list)
    events: list[EventDraft] = field(default_factory=list)
    medians: dict[str, float] = field(default_factory=dict)
    is_full: bool = False
    _changed: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def record(self, builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
        if self.is_full:
            raise StorageError("the disk is full")
        async with self._changed:
            self.rows |= {build.id: build for build in builds}
            self.history += builds
            self.events += events
            self._changed.notify_all()

    async def unfinished(self) -> list[Build]:
        return [build for build in self.rows.values() if not build.status.is_final]

    async def median_duration_secs(self, package: str) -> float | None:
        return self.medians.get(package)

    async def until_finished(self, *ids: str, within_secs: float = 20.0) -> None:
        """Wait until these builds, or all, are in a final state."""

        def are_final() -> bool:
            return all(self.rows[build_id].status.is_final for build_id in (ids or self.rows))

        await self._until(are_final, within_secs)

    async def until_running(self, package: str, *, within_secs: float = 20.0) -> Build:
        """Wait until a build of the package runs."""
        await self._until(lambda: self._running(package) is not None, within_secs)
        build = self._running(package)
        assert build is not None
        return build

    def newest(self, package: str) -> Build:
        return max((build for build in self.rows.values() if build.package == package), key=lambda build: build.id)

    def event_types(self, package: str) -> list[str]:
        return [event.type for event in self.events if event.subject == package]

    def _running(self, package: str) -> Build | None:
        builds = (build for build in self.rows.values() if build.package == package)
        return next((build for build in builds if build.status is BuildStatus.RUNNING), None)

    async def _until(self, is_so: Callable[[], bool], within_secs: float) -> None:
        async with asyncio.timeout(within_secs), self._changed:
            await self._changed.wait_for(is_so)


def packages(**dependencies: str) -> dict[str, Package]:
    """Packages by name, each with what it depends on, separated by blanks: `packages(lib="", api="lib")`."""
    return {name: Package(name, ".", "true", tuple(needs.split())) for name, needs in dependencies.items()}


def project(root: Path, commands: dict[str, str], *, limit: int = 4, timeout_secs: float = 60.0, **dependencies: str) -> Project:
    """A project whose packages all lie in the root: shell commands by name, and what a package depends on."""
    found = {name: Package(name, ".", command, tuple(dependencies.get(name, "").split())) for name, command in commands.items()}
    return Project(root, found, limit, timedelta(seconds=timeout_secs))


def build(
    package: str = "api",
    status: BuildStatus = BuildStatus.QUEUED,
    *,
    id_: str = "build_1",
    run_id: str = "run_1",
    queued_at: datetime = START,
    started_at: datetime | None = None,
) -> Build:
    """A build row."""
    return Build(id_, run_id, package, status, "cli", queued_at, started_at)
