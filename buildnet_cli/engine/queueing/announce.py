"""The events of a build, in words."""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.duration import format_duration
from buildnet_cli.engine.model import Build, Tier
from buildnet_cli.events.model import EventDraft

SOURCE = "engine"

_SOON = timedelta(seconds=1)


def queued(build: Build, *, position: int, estimated_start: datetime | None, waiting: int) -> EventDraft:
    """position: its place in the queue, from 1. estimated_start: None if it cannot be told. waiting: builds in the queue."""
    begins = ""
    if estimated_start is not None:
        wait = estimated_start - build.queued_at
        begins = f", begins in about {format_duration(wait)}" if wait >= _SOON else ", begins now"
    message = f"{build.package} queued #{position}{begins}, asked for by {build.requested_by}"
    payload = {
        "queued_position": position,
        "queue_depth": waiting,
        "estimated_start": to_rfc3339(estimated_start) if estimated_start is not None else None,
    }
    return _draft("build.queued", build, message, build.queued_at, payload)


def started(build: Build, *, waiting: int | None = None) -> EventDraft:
    """It runs now. waiting: builds in the queue; None if it came from none of ours."""
    message = f"{build.package} started, asked for by {build.requested_by}"
    return _draft("build.started", build, message, build.started_at, _depth(waiting))


def completed(build: Build, *, median_secs: float | None) -> EventDraft:
    """median_secs: of its earlier builds; None if there are none."""
    usual = f" (usually {_seconds(median_secs)})" if median_secs is not None else ""
    return _draft("build.completed", build, f"{build.package} ok{_took(build)}{usual}", build.finished_at, _median(median_secs))


def cached(build: Build, *, median_secs: float | None) -> EventDraft:
    """Nothing had to run. median_secs: of its builds that did; what was saved, about."""
    how = "restored from the cache" if build.tier is Tier.CACHE_RESTORE else "nothing to do"
    usual = f" (usually {_seconds(median_secs)})" if median_secs is not None else ""
    message = f"{build.package} ok, {how}{_took(build)}{usual}"
    return _draft("build.cached", build, message, build.finished_at, _median(median_secs))


def failed(build: Build, *, median_secs: float | None, skipped: Sequence[str]) -> EventDraft:
    """skipped: the packages that are not built because of it."""
    error = build.error
    message = f"{build.package} FAILED"
    if error is not None:
        place = f"{error.file}:{error.line}" if error.line is not None else error.file
        message += f": {error.headline}" + (f" at {place}" if place else "")
    if skipped:
        message += f"; not built because of it: {', '.join(skipped)}"
    return _draft("build.failed", build, message, build.finished_at, {**_median(median_secs), "skipped": list(skipped)})


def cancelled(build: Build, *, waiting: int | None = None) -> EventDraft:
    """It was ended before its end, for its reason. waiting: as in `started`."""
    when = f"after {format_duration(build.duration)}" if build.duration is not None else "before it began"
    by = f" by {build.cancelled_by}" if build.cancelled_by else ""
    why = {"shutdown": ", because the agent stops", "removed": ", because the package is gone"}.get(build.reason, "")
    return _draft("build.cancelled", build, f"{build.package} cancelled {when}{by}{why}", build.finished_at, _depth(waiting))


def recovered(crashed: Sequence[Build], ended_processes: int) -> EventDraft:
    """An agent was killed while it built, and this one has taken over. ended_processes: what was left running, and is ended."""
    names = ", ".join(build.package for build in crashed)
    return EventDraft(
        type="daemon.recovered",
        message=f"Taken over from an agent that was killed while it built {names}",
        subject=platform.node(),
        source=SOURCE,
        payload={"builds": [build.id for build in crashed], "ended_processes": ended_processes},
    )


def _draft(
    type_: str, build: Build, message: str, moment: datetime | None, payload: Mapping[str, object] | None = None
) -> EventDraft:
    return EventDraft(
        type=type_,
        message=message,
        subject=build.package,
        source=SOURCE,
        timestamp=moment,
        payload={**build.as_wire(), "host": platform.node(), **(payload or {})},
    )


def _depth(waiting: int | None) -> dict[str, object]:
    return {"queue_depth": waiting} if waiting is not None else {}


def _median(seconds: float | None) -> dict[str, object]:
    return {"median_ms": round(seconds * 1000) if seconds is not None else None}


def _took(build: Build) -> str:
    return f" in {format_duration(build.duration)}" if build.duration is not None else ""


def _seconds(seconds: float) -> str:
    return format_duration(timedelta(seconds=seconds))
