"""Runs the command of one package to its end, whatever that end is."""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

from buildnet_cli.duration import format_duration
from buildnet_cli.engine.extract.extract import extract, not_started
from buildnet_cli.engine.local.log import BuildLog
from buildnet_cli.engine.model import BuildError, BuildStatus
from buildnet_cli.engine.project import Package
from buildnet_cli.process.memory import oom_kills
from buildnet_cli.process.supervised import Child, running

GRACE_SECS = 10.0
"""Between the request to end and the kill, for a build that is cancelled or takes too long."""

_EXTRACT_FROM = 256 << 10
_ATTEMPT = "[buildnet-notify] attempt "
_KILLED = 137
_MAY_PASS = ("exit", "signal", "oom")
"""Reasons that another attempt may not meet again; a limit, it would only meet later."""


@dataclass(frozen=True, slots=True)
class Result:
    """How a build ended; the fields are those of `Build`."""

    status: BuildStatus
    reason: str = ""
    exit_code: int | None = None
    error: BuildError | None = None


class Stop:
    """A request to end a build, and why: `cancelled`, by somebody, or `shutdown`."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.reason = ""
        self.by = ""
        self.grace_secs = GRACE_SECS

    def ask(self, reason: str, *, by: str = "", grace_secs: float = GRACE_SECS) -> None:
        """Ask once; the first reason counts."""
        if not self._asked.is_set():
            self.reason = reason
            self.by = by
            self.grace_secs = grace_secs
            self._asked.set()

    @property
    def is_asked(self) -> bool:
        return self._asked.is_set()

    async def wait(self) -> None:
        await self._asked.wait()


async def run(
    package: Package,
    log: BuildLog,
    *,
    root: Path,
    environment: Mapping[str, str],
    limit: timedelta | None,
    stop: Stop,
    grace_secs: float = GRACE_SECS,
    on_start: Callable[[str], Awaitable[None]] | None = None,
) -> Result:
    """Run `build_cmd` in the package's folder until it ends, is stopped, or takes too long. Closes the log.

    limit: how long it may take; None for as long as it likes.
    on_start: is told in which processes it runs, as `process/identity` writes them down.
    """
    try:
        for attempt in range(1, package.retries + 2):
            if attempt > 1:
                log.feed(_headed(attempt, package))
            attended = _Attended(log)
            result = await _attempt(package, attended, root, environment, limit, stop, grace_secs, on_start)
            if result.status is not BuildStatus.FAILED or result.reason not in _MAY_PASS or stop.is_asked:
                break
        return result
    finally:
        log.close()


async def _attempt(
    package: Package,
    attended: _Attended,
    root: Path,
    environment: Mapping[str, str],
    limit: timedelta | None,
    stop: Stop,
    grace_secs: float,
    on_start: Callable[[str], Awaitable[None]] | None,
) -> Result:
    cwd = root / package.path
    killed_before = oom_kills()
    try:
        async with running(["/bin/sh", "-c", package.build_cmd], env=environment, cwd=cwd, on_output=attended.feed) as child:
            if on_start is not None:
                await on_start(child.identity)
            end = await _first_of(child, stop, limit, attended, package.idle_timeout)
            if end is not _End.ITS_OWN:
                await child.stop(stop.grace_secs if end is _End.STOPPED else grace_secs)
            exit_ = await child.wait()
    except OSError as exc:
        return Result(BuildStatus.FAILED, "exit", error=not_started(package.path, exc.strerror or "refused"))
    if end is _End.STOPPED:
        return Result(BuildStatus.CANCELLED, stop.reason, exit_.code)
    if end is _End.ITS_OWN and exit_.code == 0:
        return Result(BuildStatus.COMPLETED, exit_code=0)
    late = {_End.LATE: limit, _End.QUIET: package.idle_timeout}.get(end)
    # A long output takes some tens of milliseconds to look through; deliveries must not wait for that.
    error = await asyncio.to_thread(extract, attended.tail(), root=root, cwd=cwd, exit_code=exit_.code, timed_out_after=late)
    if end is _End.LATE:
        return Result(BuildStatus.FAILED, "timeout", exit_.code, error)
    if end is _End.QUIET and late is not None:
        return Result(BuildStatus.FAILED, "idle_timeout", exit_.code, _quiet(error, late))
    if exit_.code == _KILLED and (oom_kills() or 0) > (killed_before or 0):
        return Result(BuildStatus.FAILED, "oom", exit_.code, _out_of_memory(error))
    return Result(BuildStatus.FAILED, "signal" if exit_.signal else "exit", exit_.code, error)


def _quiet(error: BuildError, limit: timedelta) -> BuildError:
    headline = f"Ended, because it wrote nothing for {format_duration(limit)}"
    suggestion = "Look in the log for what it waits for, or raise the package's idle_timeout_secs"
    return replace(error, headline=headline, suggestion=suggestion, fingerprint="idle_timeout")


def _out_of_memory(error: BuildError) -> BuildError:
    """The kernel has killed something for lack of memory meanwhile; that it was this build can only be supposed."""
    suggestion = "Give it more memory, or let fewer builds run at once with max_concurrent_builds"
    return replace(error, headline="Killed, it seems for lack of memory", suggestion=suggestion, fingerprint="oom")


def _headed(attempt: int, package: Package) -> bytes:
    return f"\n{_ATTEMPT}{attempt} of {package.retries + 1}\n".encode()


class _Attended:
    """The output of one attempt, on its way into the log."""

    def __init__(self, log: BuildLog) -> None:
        self._log = log
        self.heard_at = asyncio.get_running_loop().time()

    def feed(self, chunk: bytes) -> None:
        self.heard_at = asyncio.get_running_loop().time()
        self._log.feed(chunk)

    def tail(self) -> str:
        """The end of what this attempt wrote."""
        return self._log.tail(_EXTRACT_FROM).rpartition(_ATTEMPT)[2]


class _End(enum.Enum):
    ITS_OWN = enum.auto()
    STOPPED = enum.auto()
    LATE = enum.auto()
    QUIET = enum.auto()


async def _first_of(child: Child, stop: Stop, limit: timedelta | None, attended: _Attended, idle_limit: timedelta | None) -> _End:
    """What ends it: itself, a request, or one of its limits."""
    now = asyncio.get_running_loop().time
    late_at = now() + limit.total_seconds() if limit is not None else math.inf
    idle_secs = idle_limit.total_seconds() if idle_limit is not None else math.inf
    ended = asyncio.ensure_future(child.wait())
    stopped = asyncio.ensure_future(stop.wait())
    try:
        while True:
            until = min(late_at, attended.heard_at + idle_secs)
            timeout = until - now() if until < math.inf else None
            await asyncio.wait({ended, stopped}, timeout=timeout, return_when=asyncio.FIRST_COMPLETED)
            if ended.done():
                return _End.ITS_OWN
            if stopped.done():
                return _End.STOPPED
            if now() >= late_at:
                return _End.LATE
            if now() >= attended.heard_at + idle_secs:
                return _End.QUIET
    finally:
        ended.cancel()
        stopped.cancel()
