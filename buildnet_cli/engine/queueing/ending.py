"""The last state of a build, by what ended it, and the words for it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from buildnet_cli.engine.model import Build, BuildError, BuildStatus


def cancelled(build: Build, reason: str, now: datetime, *, by: str = "") -> Build:
    """It is not wanted any more, or cannot be made any more. reason, by: as `reason` and `cancelled_by` in `Build`."""
    return replace(_ended(build, BuildStatus.CANCELLED, reason, now), cancelled_by=by)


def skipped(build: Build, package: str, now: datetime) -> Build:
    """It needs a package whose build did not succeed."""
    error = BuildError(
        f"Not built, because {package} failed", suggestion=f"See why {package} failed", fingerprint=f"dependency:{package}"
    )
    return _ended(build, BuildStatus.SKIPPED, "dependency", now, error)


def without(build: Build, cause: Build, now: datetime) -> Build:
    """It needs a build that has ended without success: skipped if that failed, cancelled along with it if it was cancelled."""
    if cause.status is BuildStatus.CANCELLED:
        return cancelled(build, cause.reason, now, by=cause.cancelled_by)
    return skipped(build, cause.package, now)


def crashed(build: Build, now: datetime) -> Build:
    """It ran when a former agent ended."""
    error = BuildError(
        "The agent stopped while this build ran", suggestion=f"BUILD {build.package} again", fingerprint="agent_crash"
    )
    return _ended(build, BuildStatus.FAILED, "agent_crash", now, error)


def lost(build: Build, now: datetime) -> Build:
    """It was a `run` in a terminal, which was killed before it could say how it ended."""
    error = BuildError("The run was killed before it could say how it ended", suggestion="Run it again", fingerprint="lost")
    return _ended(build, BuildStatus.FAILED, "lost", now, error)


def _ended(build: Build, status: BuildStatus, reason: str, now: datetime, error: BuildError | None = None) -> Build:
    return replace(build, status=status, reason=reason, finished_at=now, error=error, processes="")
