"""The port every engine offers, and the two things it asks of the layers above."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from buildnet_cli.engine.model import Build, EngineStatus, Ticket
from buildnet_cli.events.model import EventDraft


class BuildRecorder(Protocol):
    """Where an engine's state goes before it takes effect."""

    async def record(self, builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
        """Store the builds and accept the events in one transaction. Raises StorageError if nothing was stored."""
        ...

    async def unfinished(self) -> list[Build]:
        """Builds that a former agent left queued or running, oldest first."""
        ...

    async def median_duration_secs(self, package: str) -> float | None:
        """Of the newest successful builds of a package that really ran; None if there are none."""
        ...


class Engine(Protocol):
    """A build system that can be asked. What it cannot do raises UnsupportedError; nothing is faked."""

    async def start(self) -> None:
        """Take over what a former agent left, and begin to work."""
        ...

    async def enqueue(self, package: str | None, *, requested_by: str) -> Ticket:
        """Ask for a build of one package with its dependencies, or of all (None).

        Raises NotFoundError if there is no such package, with the nearest name as a hint.
        """
        ...

    async def cancel(self, target: str) -> list[Build]:
        """Cancel by build id, run id or package; the builds that this ended, dependents included.

        Raises NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        ...

    async def status(self) -> EngineStatus: ...

    async def shutdown(self) -> None:
        """Stop every build, leave no process behind, and return within 8 s."""
        ...
