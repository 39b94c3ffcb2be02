"""Runs the command of one package to its end, whatever that end is."""

from __future__ import annotations

import asyncio
import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from buildnet_cli.engine.extract.extract import extract, not_started
from buildnet_cli.engine.local.log import BuildLog
from buildnet_cli.engine.model import BuildError, BuildStatus
from buildnet_cli.engine.project import Package
from buildnet_cli.process.supervised import Child, running

GRACE_SECS = 10.0
"""Between the request to end and the kill, for a build that is cancelled or takes too long."""

_EXTRACT_FROM = 256 << 10


@dataclass(frozen=True, slots=True)
class Result:
    """How a build ended; the fields are those of `Build`."""

    status: BuildStatus
    reason: str = ""
    exit_code: int | None = None
    error: BuildError | None = None


class Stop:
    """A request to end a build, and why: `cancelled` or `shutdown`."""

    def __init__(self) -> None:
        self._asked = asyncio.Event()
        self.reason = ""
        self.grace_secs = GRACE_SECS

    def ask(self, reason: str, *, grace_secs: float = GRACE_SECS) -> None:
        """Ask once; the first reason counts."""
        if not self._asked.is_set():
            self.reason = reason
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
    cwd = root / package.path
    try:
        async with running(["/bin/sh", "-c", package.build_cmd], env=environment, cwd=cwd, on_output=log.feed) as child:
            if on_start is not None:
                await on_start(child.identity)
            end = await _first_of(child, stop, limit)
            if end is not _End.ITS_OWN:
                await child.stop(stop.grace_secs if end is _End.STOPPED else grace_secs)
            exit_ = await child.wait()
    except OSError as exc:
        return Result(BuildStatus.FAILED, "exit", error=not_started(package.path, exc.strerror or "refused"))
    finally:
        log.close()
    if end is _End.STOPPED:
        return Result(BuildStatus.CANCELLED, stop.reason, exit_.code)
    if end is _End.ITS_OWN and exit_.code == 0:
        return Result(BuildStatus.COMPLETED, exit_code=0)
    late = limit if end is _End.LATE else None
    # A long output takes some tens of milliseconds to look through; deliveries must not wait for that.
    error = await asyncio.to_thread(
        extract, log.tail(_EXTRACT_FROM), root=root, cwd=cwd, exit_code=exit_.code, timed_out_after=late
    )
    reason = "timeout" if end is _End.LATE else "signal" if exit_.signal else "exit"
    return Result(BuildStatus.FAILED, reason, exit_.code, error)


class _End(enum.Enum):
    ITS_OWN = enum.auto()
    STOPPED = enum.auto()
    LATE = enum.auto()


async def _first_of(child: Child, stop: Stop, limit: timedelta | None) -> _End:
    ended = asyncio.ensure_future(child.wait())
    stopped = asyncio.ensure_future(stop.wait())
    secs = limit.total_seconds() if limit is not None else None
    try:
        await asyncio.wait({ended, stopped}, timeout=secs, return_when=asyncio.FIRST_COMPLETED)
        return _End.ITS_OWN if ended.done() else _End.STOPPED if stopped.done() else _End.LATE
    finally:
        ended.cancel()
        stopped.cancel()
