"""What an engine speaks of: packages, builds, and the ticket a request gets."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from buildnet_cli.clock import to_rfc3339


class BuildStatus(enum.StrEnum):
    """Where a build stands; the last five are final."""

    QUEUED = "queued"
    RUNNING = "running"
    COMPLETED = "completed"
    CACHED = "cached"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SKIPPED = "skipped"

    @property
    def is_final(self) -> bool:
        return self not in (BuildStatus.QUEUED, BuildStatus.RUNNING)

    @property
    def is_success(self) -> bool:
        return self in (BuildStatus.COMPLETED, BuildStatus.CACHED)


class Tier(enum.StrEnum):
    """How much work a build needed, spelled as the BuildNet daemon spells it."""

    INSTANT_SKIP = "InstantSkip"
    CACHE_RESTORE = "CacheRestore"
    MICRO_INCREMENTAL = "MicroIncremental"
    SMART_INCREMENTAL = "SmartIncremental"
    FULL_BUILD = "FullBuild"


class Origin(enum.StrEnum):
    """Who carries a build out: the engine, or a `run` in somebody's terminal."""

    ENGINE = "engine"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class BuildError:
    """Why a build failed, in words a person can act on.

    headline: one line, such as `C/C++ compilation failed: 'foo' undeclared`.
    file, line: where, relative to the workspace; empty and None if the output names no place.
    suggestion: what to look at or do next; empty if nothing can be said.
    tail: the last lines of output, without colours and secrets.
    fingerprint: equal for the same fault, whatever its line numbers and addresses.
    """

    headline: str
    file: str = ""
    line: int | None = None
    suggestion: str = ""
    tail: str = ""
    fingerprint: str = ""

    def as_wire(self) -> dict[str, Any]:
        return {
            "headline": self.headline,
            "file": self.file or None,
            "line": self.line,
            "suggestion": self.suggestion or None,
            "tail": self.tail,
        }


@dataclass(frozen=True, slots=True)
class Why:
    """Why a build needed the work it did: what is not as it was at the package's last success.

    summary: one line. changed, added, removed: source files, at most 20 in all. more: how many further ones there are.
    also: what else differs, such as `the command`, `environment NODE_ENV` or `dependency lib`.
    remark: what keeps the result from being cached; empty if nothing does.
    """

    summary: str
    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    more: int = 0
    also: tuple[str, ...] = ()
    remark: str = ""

    def as_wire(self) -> dict[str, Any]:
        return {
            "summary": self.summary,
            "changed": list(self.changed),
            "added": list(self.added),
            "removed": list(self.removed),
            "more": self.more,
            "also": list(self.also),
            "remark": self.remark or None,
        }


@dataclass(frozen=True, slots=True)
class Build:
    """One build of one package.

    run_id: the request it belongs to; the builds of one request share it.
    reason: why it ended as it did when it neither succeeded nor plainly failed:
        exit, signal, oom, timeout, idle_timeout, dependency, cancelled, shutdown, removed, agent_crash, lost, daemon (it
        failed itself, or was lost); empty before.
    requested_by: who asked, such as `cli` or `sms:DevOps Lead`. cancelled_by: who had it cancelled; empty if nobody did.
    tier, why: how much work it needed, and the reason; None before it began.
    is_forced: whether it is to be built whatever the cache holds.
    processes: in which it runs, as `process/identity` writes them down; empty if none has begun. Nobody's business but ours.
    """

    id: str
    run_id: str
    package: str
    status: BuildStatus
    requested_by: str
    queued_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    tier: Tier | None = None
    reason: str = ""
    exit_code: int | None = None
    error: BuildError | None = None
    why: Why | None = None
    origin: Origin = Origin.ENGINE
    processes: str = ""
    cancelled_by: str = ""
    is_forced: bool = False

    @property
    def duration(self) -> timedelta | None:
        """From start to end; None unless both have happened."""
        if self.started_at is None or self.finished_at is None:
            return None
        return max(self.finished_at - self.started_at, timedelta())

    def as_wire(self) -> dict[str, Any]:
        """The build as scripts, webhooks and the API see it."""
        duration = self.duration
        return {
            "id": self.id,
            "run_id": self.run_id,
            "package": self.package,
            "status": self.status.value,
            "tier": self.tier.value if self.tier is not None else None,
            "forced": self.is_forced,
            "queued_at": to_rfc3339(self.queued_at),
            "started_at": to_rfc3339(self.started_at) if self.started_at is not None else None,
            "finished_at": to_rfc3339(self.finished_at) if self.finished_at is not None else None,
            "duration_ms": round(duration.total_seconds() * 1000) if duration is not None else None,
            "requested_by": self.requested_by,
            "cancelled_by": self.cancelled_by or None,
            "reason": self.reason or None,
            "exit_code": self.exit_code,
            "error": self.error.as_wire() if self.error is not None else None,
            "why": self.why.as_wire() if self.why is not None else None,
        }


@dataclass(frozen=True, slots=True)
class Ticket:
    """The answer to a build request, given before anything runs.

    package: what was asked for; None for all.
    builds: everything that the request puts into the queue, dependencies first.
    position: place in the queue, from 1.
    estimated_start: None while too few builds are known to say.
    """

    run_id: str
    package: str | None
    builds: tuple[Build, ...]
    position: int
    estimated_start: datetime | None

    def as_result(self) -> dict[str, Any]:
        """The `result` of the specification's command response."""
        wanted = [build for build in self.builds if build.package == self.package]
        return {
            "run_id": self.run_id,
            "build_id": wanted[0].id if wanted else self.run_id,
            "package": self.package,
            "builds": [{"id": build.id, "package": build.package} for build in self.builds],
            "queued_position": self.position,
            "estimated_start": to_rfc3339(self.estimated_start) if self.estimated_start is not None else None,
        }


class Capability(enum.StrEnum):
    """What not every engine can do. Asked for it all the same, one that cannot raises UnsupportedError."""

    FORCE = "force"
    """Build what need not be built."""
    CANCEL_RUNNING = "cancel_running"
    """End a build that runs; one that waits can always be called off."""
    EXPLAIN = "explain"
    """Say why a package was built."""


@dataclass(frozen=True, slots=True)
class EngineStatus:
    """What an engine does at this moment, and what it can do.

    kind: `local` or `buildnetd`. state: running, paused or unreachable.
    """

    kind: str
    state: str
    packages: tuple[str, ...]
    running: tuple[Build, ...]
    queued: tuple[Build, ...]
    capabilities: frozenset[Capability] = frozenset(Capability)


@dataclass(frozen=True, slots=True)
class CacheStats:
    """What a cache holds, or what was removed from it.

    size: of the artifacts, in bytes. limit: what it may hold, in bytes; None if nobody says.
    """

    artifacts: int
    size: int
    limit: int | None = None

    def as_wire(self) -> dict[str, Any]:
        return {"artifacts": self.artifacts, "size_bytes": self.size, "limit_bytes": self.limit}
