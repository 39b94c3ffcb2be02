"""The last state of a build, by what ended it. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from buildnet_cli.engine.local.runner import Result
from buildnet_cli.engine.model import Build, BuildError, BuildStatus


def by_itself(build: Build, result: Result, now: datetime) -> Build:
    """It ran, and this came of it."""
    return replace(
        build,
        status=result.status,
        reason=result.reason,
        finished_at=now,
        exit_code=result.exit_code,
        error=result.error,
    )


def cancelled(build: Build, reason: str, now: datetime) -> Build:
    """It is not wanted any more, or cannot be made any more. reason: as in `Build`."""
    return replace(build, status=BuildStatus.CANCELLED, reason=reason, finished_at=now)


def skipped(build: Build, package: str, now: datetime) -> Build:
    """It needs a package whose build did not succeed."""
    error = BuildError(
        f"Not built, because {package} failed", suggestion=f"See why {package} failed", fingerprint=f"dependency:{package}"
    )
    return replace(build, status=BuildStatus.SKIPPED, reason="dependency", finished_at=now, error=error)


def without(build: Build, cause: Build, now: datetime) -> Build:
    """It needs a build that has ended without success: skipped if that failed, cancelled along with it if it was cancelled."""
    if cause.status is BuildStatus.CANCELLED:
        return cancelled(build, cause.reason, now)
    return skipped(build, cause.package, now)


def crashed(build: Build, now: datetime) -> Build:
    """It ran when a former agent ended."""
    error = BuildError(
        "The agent stopped while this build ran", suggestion=f"BUILD {build.package} again", fingerprint="agent_crash"
    )
    return replace(build, status=BuildStatus.FAILED, reason="agent_crash", finished_at=now, error=error)
