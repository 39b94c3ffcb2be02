"""How builds end that do not end by themselves, and the words for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from buildnet_cli.engine.model import Build, BuildError, BuildStatus


def cancelled(build: Build, reason: str, at: datetime) -> Build:
    """It was ended, or never began. reason: cancelled, shutdown or removed."""
    return _ended(build, BuildStatus.CANCELLED, reason, at)


def skipped(build: Build, cause: str, at: datetime) -> Build:
    """It is not built, because another package was not. cause: that package."""
    error = BuildError(
        f"Not built, because {cause} failed", suggestion=f"See why {cause} failed", fingerprint=f"dependency:{cause}"
    )
    return _ended(build, BuildStatus.SKIPPED, "dependency", at, error)


def crashed(build: Build, at: datetime) -> Build:
    """It ran when the agent was killed."""
    error = BuildError(
        "The agent stopped while this build ran", suggestion=f"BUILD {build.package} again", fingerprint="agent_crash"
    )
    return _ended(build, BuildStatus.FAILED, "agent_crash", at, error)


def lost(build: Build, at: datetime) -> Build:
    """It was a `run` in a terminal, which was killed before it could say how it ended."""
    error = BuildError("The run was killed before it could say how it ended", suggestion="Run it again", fingerprint="lost")
    return _ended(build, BuildStatus.FAILED, "lost", at, error)


def _ended(build: Build, status: BuildStatus, reason: str, at: datetime, error: BuildError | None = None) -> Build:
    return replace(build, status=status, reason=reason, finished_at=at, error=error, processes="")
