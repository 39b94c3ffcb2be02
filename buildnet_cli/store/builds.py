"""Builds as rows, changed as they go; a change and the events that tell of it are one transaction."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.outbox import Write
from buildnet_cli.engine.model import Build, BuildError, BuildStatus, Origin, Tier, Why
from buildnet_cli.engine.standing import Standing, standing, with_standing
from buildnet_cli.events.model import EventDraft
from buildnet_cli.redact import scrub_json
from buildnet_cli.store import switches
from buildnet_cli.store.database import Store
from buildnet_cli.store.page import Filter, Page, newest_first
from buildnet_cli.store.rows import Row, rows

if TYPE_CHECKING:
    from buildnet_cli.delivery.ingest import Ingest

_SOURCE = "engine"

# Enough for a median that a single slow build does not move.
_BUILDS_FOR_MEDIAN = 20

# Nobody wants to know more exactly how often something has failed.
_BUILDS_FOR_STANDING = 200

# A build that has ended does not run again, in whatever order its states are handed in.
_PUT = """
INSERT INTO builds (id, run_id, package, status, requested_by, queued_at, started_at, finished_at, tier, reason, exit_code, error,
    why, origin, processes, cancelled_by, is_forced)
VALUES (:id, :run_id, :package, :status, :requested_by, :queued_at, :started_at, :finished_at, :tier, :reason, :exit_code, :error,
    :why, :origin, :processes, :cancelled_by, :is_forced)
ON CONFLICT (id) DO UPDATE SET status = excluded.status, started_at = excluded.started_at, finished_at = excluded.finished_at,
    tier = excluded.tier, reason = excluded.reason, exit_code = excluded.exit_code, error = excluded.error,
    why = excluded.why, processes = excluded.processes, cancelled_by = excluded.cancelled_by
WHERE builds.status IN ('queued', 'running') OR excluded.status NOT IN ('queued', 'running')
"""

# Cancelled and skipped builds say nothing of whether a package builds.
_ENDED_BEFORE = """
SELECT * FROM builds WHERE package = ? AND status IN ('completed', 'cached', 'failed') AND id <> ? ORDER BY seq DESC LIMIT ?
"""

# Restored and skipped builds say nothing of how long one takes.
_REALLY_RAN = """
SELECT started_at, finished_at FROM builds
WHERE package = ? AND status = 'completed' AND started_at IS NOT NULL AND finished_at IS NOT NULL
    AND coalesce(tier, '') NOT IN ('InstantSkip', 'CacheRestore')
ORDER BY seq DESC LIMIT ?
"""


class StoredBuilds:
    """Implements `engine/port.BuildRecorder`, and `commands/model.BuildHistory`."""

    def __init__(self, store: Store, ingest: Ingest) -> None:
        self._store = store
        self._ingest = ingest

    async def record(self, builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
        told = await self._store.read(lambda db: with_history(db, builds, events)) if events else events
        await self._ingest.accept_many(told, source=_SOURCE, along_with=[put(builds)])

    async def unfinished(self, origin: Origin = Origin.ENGINE) -> list[Build]:
        return await self._store.read(lambda db: unfinished(db, origin))

    async def note_processes(self, build_id: str, processes: str) -> None:
        sql = "UPDATE builds SET processes = ? WHERE id = ? AND status = 'running'"
        await self._store.write(lambda db: db.execute(sql, [processes, build_id]))

    async def is_paused(self) -> bool:
        return await self._store.read(lambda db: switches.is_on(db, switches.BUILDS_PAUSED))

    async def set_paused(self, paused: bool) -> None:
        await self._store.write(lambda db: switches.turn(db, switches.BUILDS_PAUSED, on=paused))

    async def median_duration_secs(self, package: str) -> float | None:
        return await self._store.read(lambda db: median_duration_secs(db, package))

    async def recent(self, *, limit: int) -> list[Build]:
        """The newest builds first."""
        return (await self._store.read(lambda db: page(db, limit=limit))).items


def put(builds: Sequence[Build]) -> Write:
    """A write that stores the state of builds, for the transaction of the events that tell of it."""
    rows = [_to_row(build) for build in builds]
    return lambda db: db.conn.executemany(_PUT, rows)


def with_history(db: sqlite_utils.Database, builds: Sequence[Build], events: Sequence[EventDraft]) -> list[EventDraft]:
    """The events, with what earlier builds of the same packages add to those of the ends of these."""
    ended = {build.id: build for build in builds if build.status.is_success or build.status is BuildStatus.FAILED}
    told = []
    for event in events:
        build = ended.get(str(event.payload.get("id", "")))
        told.append(with_standing(event, build, _standing(db, build)) if build is not None else event)
    return told


def _standing(db: sqlite_utils.Database, build: Build) -> Standing:
    """Of a build's package before it."""
    return standing(from_row(row) for row in rows(db, _ENDED_BEFORE, [build.package, build.id, _BUILDS_FOR_STANDING]))


def page(
    db: sqlite_utils.Database,
    *,
    package: str | None = None,
    status: BuildStatus | None = None,
    since: datetime | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page[Build]:
    """Builds, newest first. since: queued at this time or later. Raises UsageError if `before` is no cursor."""
    chosen = Filter()
    chosen.add_equal("package", package)
    chosen.add_equal("status", status.value if status is not None else None)
    if since is not None:
        chosen.add("queued_at >= ?", to_rfc3339(since))
    chosen.add_before(before)
    return newest_first(db, "builds", chosen, limit, from_row)


def find(db: sqlite_utils.Database, build_id: str) -> Build | None:
    """The build of this id."""
    row = next(rows(db, "SELECT * FROM builds WHERE id = ?", [build_id]), None)
    return from_row(row) if row is not None else None


def of_run(db: sqlite_utils.Database, run_id: str) -> list[Build]:
    """The builds of one request, in the order in which they were queued."""
    return [from_row(row) for row in rows(db, "SELECT * FROM builds WHERE run_id = ? ORDER BY seq", [run_id])]


def unfinished(db: sqlite_utils.Database, origin: Origin) -> list[Build]:
    """Builds of an origin that are queued or running, oldest first."""
    sql = "SELECT * FROM builds WHERE status IN ('queued', 'running') AND origin = ? ORDER BY seq"
    return [from_row(row) for row in rows(db, sql, [origin.value])]


def median_duration_secs(db: sqlite_utils.Database, package: str) -> float | None:
    """Of the newest successful builds of a package that really ran; None if there are none."""
    spans = db.execute(_REALLY_RAN, [package, _BUILDS_FOR_MEDIAN]).fetchall()
    if not spans:
        return None
    import statistics  # heavy, and not needed by an agent that builds nothing

    return statistics.median((from_rfc3339(end) - from_rfc3339(start)).total_seconds() for start, end in spans)


def from_row(row: Row) -> Build:
    """The build that a row of this table holds."""
    return Build(
        id=row["id"],
        run_id=row["run_id"],
        package=row["package"],
        status=BuildStatus(row["status"]),
        requested_by=row["requested_by"],
        queued_at=from_rfc3339(row["queued_at"]),
        started_at=_to_time(row["started_at"]),
        finished_at=_to_time(row["finished_at"]),
        tier=Tier(row["tier"]) if row["tier"] is not None else None,
        reason=row["reason"],
        exit_code=row["exit_code"],
        error=BuildError(**json.loads(row["error"])) if row["error"] is not None else None,
        why=_why_from_text(row["why"]) if row["why"] is not None else None,
        origin=Origin(row["origin"]),
        processes=row["processes"],
        cancelled_by=row["cancelled_by"],
        is_forced=bool(row["is_forced"]),
    )


def _to_row(build: Build) -> dict[str, Any]:
    return {
        "id": build.id,
        "run_id": build.run_id,
        "package": build.package,
        "status": build.status.value,
        "requested_by": build.requested_by,
        "queued_at": to_rfc3339(build.queued_at),
        "started_at": _to_text(build.started_at),
        "finished_at": _to_text(build.finished_at),
        "tier": build.tier.value if build.tier is not None else None,
        "reason": build.reason,
        "exit_code": build.exit_code,
        "error": _error_to_text(build.error) if build.error is not None else None,
        "why": _why_to_text(build.why) if build.why is not None else None,
        "origin": build.origin.value,
        "processes": build.processes,
        "cancelled_by": build.cancelled_by,
        "is_forced": build.is_forced,
    }


def _error_to_text(error: BuildError) -> str:
    return json.dumps(scrub_json(dataclasses.asdict(error)), separators=(",", ":"))


def _why_to_text(why: Why) -> str:
    return json.dumps(scrub_json(dataclasses.asdict(why)), separators=(",", ":"))


def _why_from_text(text: str) -> Why:
    values: dict[str, Any] = json.loads(text)
    lists = {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Why(**{**values, **lists})


def _to_text(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment is not None else None


def _to_time(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text is not None else None
