"""The port every engine offers, and the two things it asks of the layers above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from buildnet_cli.engine.model import Build, CacheStats, EngineStatus, Origin, Ticket
from buildnet_cli.events.model import EventDraft


class BuildRecorder(Protocol):
    """Where an engine's state goes before it takes effect."""

    async def record(self, builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
        """Store the builds and accept the events in one transaction. Raises StorageError if nothing was stored."""
        ...

    async def unfinished(self, origin: Origin = Origin.ENGINE) -> list[Build]:
        """Builds of an origin that are queued or running, oldest first; at start, those that a former agent left."""
        ...

    async def note_processes(self, build_id: str, processes: str) -> None:
        """Add to a build that runs where it does. Raises StorageError if it was not stored."""
        ...

    async def is_paused(self) -> bool:
        """Whether builds were told to wait, by this agent or a former one."""
        ...

    async def set_paused(self, paused: bool) -> None:
        """Remember it until it is said otherwise. Raises StorageError if it was not stored."""
        ...

    async def median_duration_secs(self, package: str) -> float | None:
        """Of the newest successful builds of a package that really ran; None if there are none."""
        ...


class Engine(Protocol):
    """A build system that can be asked. What it cannot do raises UnsupportedError; nothing is faked."""

    async def start(self) -> None:
        """Take over what a former agent left, and begin to work."""
        ...

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        """Ask for a build of one package with its dependencies, or of all (None).

        is_forced: whether that package, or all, are built whatever the cache holds; its dependencies are as usual.
        Raises UnknownPackageError if there is no such package, with the nearest name as a hint.
        """
        ...

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        """Cancel by build id, run id or package; the builds that this ended, dependents included.

        Raises NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        ...

    async def status(self) -> EngineStatus: ...

    async def pause(self) -> int:
        """Begin no more builds until `resume`, across restarts too; how many run on to their end."""
        ...

    async def resume(self) -> int:
        """Begin builds again; how many were waiting."""
        ...

    async def cache_stats(self) -> CacheStats:
        """What the cache holds now."""
        ...

    async def cache_clear(self) -> CacheStats:
        """Remove every artifact that no build is using; what was removed."""
        ...

    async def shutdown(self) -> None:
        """Stop every build, leave no process behind, and return within 8 s."""
        ...
