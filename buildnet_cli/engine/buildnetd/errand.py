"""One build as an errand to the daemon: asked for once, waited for to its end, ended from outside if somebody wants that."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from buildnet_cli.engine.buildnetd import children
from buildnet_cli.engine.buildnetd.answers import Built, Reply, Verdict
from buildnet_cli.engine.buildnetd.client import BuildnetdClient
from buildnet_cli.engine.buildnetd.failure import Failure, broken, left_behind, lost, read_failure
from buildnet_cli.engine.model import Build, BuildError, BuildStatus, Tier
from buildnet_cli.engine.queueing.queue import Job

_TAKEN_AFTER_SECS = 0.5
"""The daemon refuses at once; if it has not by then, it builds."""
_LOOKS = 5
_LOOK_AGAIN_SECS = 0.2
_NOT_SENT_SECS = 1.0


@dataclass(frozen=True, slots=True)
class Later:
    """The daemon has not begun. secs: how long to wait; 0 for whoever asks to decide.

    is_for_all: whether other packages have to wait as well.
    """

    secs: float
    is_for_all: bool
    is_daemon_in_doubt: bool = False


@dataclass(frozen=True, slots=True)
class Ended:
    """How it ended; the fields are those of `Build`."""

    status: BuildStatus
    reason: str = ""
    exit_code: int | None = None
    error: BuildError | None = None
    tier: Tier | None = None
    is_daemon_in_doubt: bool = False


class Errand:
    """One request to build one job's package.

    done: the build's last state, once it is stored; cancelled if nothing came of the errand. has_row: whether the daemon has
    written a row for it. ended_by: who had it ended, if somebody had.
    """

    def __init__(self, job: Job, client: BuildnetdClient, *, root: Path) -> None:
        self.job = job
        self.has_row = False
        self.ended_by = ""
        self.done: asyncio.Future[Build] = asyncio.get_running_loop().create_future()
        self._client = client
        self._root = root
        self._began = time.time()
        self._reason = ""
        self._is_abandoned = asyncio.Event()
        self._process: children.Process | None = None
        self._ending: asyncio.Task[None] | None = None

    async def run(self, on_taken: Callable[[], Awaitable[None]]) -> Ended | Later:
        """Ask, and wait. on_taken: is told once the daemon builds."""
        self._began = time.time()
        request = asyncio.create_task(self._client.build(self.job.package.name))
        abandoned = asyncio.create_task(self._is_abandoned.wait())
        try:
            await asyncio.wait({request, abandoned}, timeout=_TAKEN_AFTER_SECS, return_when=asyncio.FIRST_COMPLETED)
            was_told = not request.done()
            if was_told:
                await on_taken()
                await asyncio.wait({request, abandoned}, return_when=asyncio.FIRST_COMPLETED)
            if not request.done():
                return _as_ended(left_behind(self.job.package.name))
            reply = request.result()
            self.has_row = reply.verdict is Verdict.LOST or (
                reply.built is not None and reply.built.status in ("completed", "failed")
            )
            if self.has_row and not was_told:
                await on_taken()
            return await self._read(reply)
        finally:
            request.cancel()
            abandoned.cancel()
            if self._ending is not None:
                await self._ending

    async def can_be_ended(self) -> bool:
        """Whether the process that builds can be found, on this machine and as its owner."""
        for look in range(_LOOKS):
            if look:
                await asyncio.sleep(_LOOK_AGAIN_SECS)  # the daemon may not have begun it yet
            package = self.job.package
            folder = self._root / package.path
            self._process = await asyncio.to_thread(children.find_build, self._client.url, package.build_cmd, folder, self._began)
            if self._process is not None or not children.is_loopback(self._client.url):
                break
        return self._process is not None

    def end(self, reason: str, *, by: str = "", grace_secs: float) -> None:
        """End what `can_be_ended` has found; the daemon then answers that it failed."""
        if self._process is not None and self._ending is None:
            self._reason = reason
            self.ended_by = by
            self._ending = asyncio.create_task(asyncio.to_thread(children.end, self._process, grace_secs))

    def abandon(self) -> None:
        """Wait no more: the agent ends, and with it the connection."""
        self._is_abandoned.set()

    async def _read(self, reply: Reply) -> Ended | Later:
        package = self.job.package
        if reply.built is not None:
            return await self._read_end(reply.built)
        if self._reason:
            return Ended(BuildStatus.CANCELLED, self._reason)
        if reply.verdict is Verdict.TOO_MANY:
            return Later(reply.wait_secs, is_for_all=True)
        if reply.verdict is Verdict.BUSY:
            return Later(0.0, is_for_all=False)
        if reply.verdict is Verdict.NOT_SENT:
            return Later(_NOT_SENT_SECS, is_for_all=True, is_daemon_in_doubt=True)
        if reply.verdict is Verdict.NO_PACKAGE:
            return Ended(BuildStatus.CANCELLED, "removed", is_daemon_in_doubt=True)
        if reply.verdict is Verdict.LOST:
            return _as_ended(lost(package.name, reply.said), is_daemon_in_doubt=True)
        return _as_ended(broken(reply.said))

    async def _read_end(self, built: Built) -> Ended:
        if built.status == "completed":
            return Ended(BuildStatus.COMPLETED, exit_code=0, tier=built.tier)
        if built.status == "cached":
            return Ended(BuildStatus.CACHED, tier=built.tier)
        if self._reason:
            return Ended(BuildStatus.CANCELLED, self._reason, tier=built.tier)
        if built.status != "failed":
            return _as_ended(broken(f"the daemon says that {built.package} is {built.status}, and nothing more"))
        # A long output takes some tens of milliseconds to look through; deliveries must not wait for that.
        failure = await asyncio.to_thread(read_failure, built.error or "", root=self._root, folder=self.job.package.path)
        return _as_ended(failure, tier=built.tier)


def _as_ended(failure: Failure, *, tier: Tier | None = None, is_daemon_in_doubt: bool = False) -> Ended:
    return Ended(
        BuildStatus.FAILED,
        failure.reason,
        failure.exit_code,
        failure.error,
        tier,
        is_daemon_in_doubt,
    )
