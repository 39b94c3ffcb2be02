"""The engine over a BuildNet daemon: a durable queue of our own in front of it, from which it gets one package at a time."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from buildnet_cli.clock import Clock
from buildnet_cli.engine.buildnetd import children, health, news
from buildnet_cli.engine.buildnetd.answers import Row
from buildnet_cli.engine.buildnetd.client import BuildnetdClient
from buildnet_cli.engine.buildnetd.errand import Ended, Errand, Later
from buildnet_cli.engine.buildnetd.watch import Pace, Watch
from buildnet_cli.engine.local.cache_events import cleared
from buildnet_cli.engine.model import Build, BuildError, BuildStatus, CacheStats, Capability, EngineStatus, Ticket
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing.desk import Desk
from buildnet_cli.engine.queueing.queue import Job
from buildnet_cli.errors import ConfigError, StorageError, UnreachableError, UnsupportedError

_AT_ONCE = 1
_GRACE_SECS = 10.0
_SHUTDOWN_GRACE_SECS = 5.0
_SHUTDOWN_WITHIN_SECS = 11.0
_FIRST_BACK_OFF_SECS = 2.0
_LONGEST_BACK_OFF_SECS = 60.0

_log = logging.getLogger(__name__)


class BuildnetdEngine:
    """Has the packages of one BuildNet daemon built.

    root: the daemon's project folder. packages: what it is thought to build as long as it has not been asked; None if nobody
    knows. grace_secs: what a build has between the request to end and the kill.
    """

    def __init__(
        self,
        client: BuildnetdClient,
        recorder: BuildRecorder,
        *,
        clock: Clock,
        root: Path,
        packages: Mapping[str, Package] | None = None,
        pace: Pace | None = None,
        grace_secs: float = _GRACE_SECS,
        back_off_secs: float = _FIRST_BACK_OFF_SECS,
    ) -> None:
        self._client = client
        self._recorder = recorder
        self._root = root
        self._grace_secs = grace_secs
        self._back_off_secs = back_off_secs
        self._wake = asyncio.Event()
        self._desk = Desk(recorder, clock, packages=packages or {}, limit=_AT_ONCE, wake=self._wake.set)
        self._watch = Watch(client, pace or Pace(), on_turn=self._on_turn, on_news=self._on_news)
        self._is_known = packages is not None
        self._is_open = False
        self._is_stale = True
        self._flaw: ConfigError | None = None
        self._blocked_until = 0.0
        self._refusals: dict[str, int] = {}
        self._errand: Errand | None = None
        self._worker: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Look whether the daemon is there, take over what a former agent left, and begin to work."""
        await self._watch.look()
        await self._open()
        self._watch.start()
        self._worker = asyncio.create_task(self._work(), name="buildnetd queue")

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        """Ask for a build of one package with its dependencies, or of all (None).

        Raises UnknownPackageError if there is no such package, ConfigError if the daemon's packages do not fit together,
        UnreachableError while the engine stops or as long as the packages are unknown, StorageError if nothing was queued,
        UnsupportedError if it is forced: the daemon takes the word, and does nothing about it.
        """
        if is_forced:
            message = "the BuildNet daemon decides itself what to build anew; it cannot be made to"
            raise UnsupportedError(message, hint="send BUILD without --force, or set engine.type: local")
        if self._flaw is not None:
            raise self._flaw
        if not self._is_known:
            message = f"the BuildNet daemon at {self._client.url} has not answered yet: its packages are unknown"
            raise UnreachableError(message, hint="start the daemon, or set engine.type: local")
        ticket = await self._desk.enqueue(package, requested_by=requested_by)
        # Nobody knows when a daemon that is gone, or that has had enough for now, takes the next one.
        return ticket if self._may_ask() else replace(ticket, estimated_start=None)

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        """Cancel by build id, run id or package, with everything that waits for it; returns once all of it has ended.

        What runs can be ended on this machine only, as the daemon's own user. Raises UnsupportedError if it cannot and nothing
        else was meant, NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        async with self._desk.asking:
            ids = {job.id for job in self._desk.matching(target)}
            errand = self._errand if self._errand is not None and self._errand.job.id in ids else None
            can_end = errand is not None and await errand.can_be_ended()
            if errand is not None and not can_end:
                ids.discard(errand.job.id)
                if not ids:
                    raise _cannot_end(errand.job)
            ended = await self._desk.withdraw(ids, by=requested_by)
            if errand is not None and can_end:
                errand.end("cancelled", by=requested_by, grace_secs=self._grace_secs)
        if errand is None or not can_end:
            return ended
        await asyncio.wait([errand.done])
        return ended if errand.done.cancelled() else [errand.done.result(), *ended]

    async def status(self) -> EngineStatus:
        """What the daemon builds for us, and what waits."""
        queue = self._desk.queue
        state = "paused" if self._desk.is_paused else "running"
        return EngineStatus(
            kind="buildnetd",
            state=state if self._watch.health.is_up else "unreachable",
            packages=tuple(self._desk.packages),
            running=tuple(job.build for job in queue.running.values()),
            queued=tuple(job.build for job in queue.waiting.values()),
            capabilities=frozenset({Capability.CANCEL_RUNNING} if children.is_loopback(self._client.url) else ()),
        )

    async def pause(self) -> int:
        """Ask the daemon for nothing more until `resume`; others can still have it build."""
        return await self._desk.pause()

    async def resume(self) -> int:
        """Ask the daemon for builds again; how many were waiting."""
        return await self._desk.resume()

    async def cache_stats(self) -> CacheStats:
        """What the daemon's cache holds; it has no limit. Raises UnreachableError."""
        return await self._client.cache_stats()

    async def cache_clear(self) -> CacheStats:
        """Have the daemon evict what it can, whatever it is building. Raises UnreachableError."""
        before = await self._client.cache_stats()
        removed = await self._client.clear_cache()
        after = await self._client.cache_stats()
        # The daemon counts artifacts alone; bytes are what is missing now, as far as nothing was added meanwhile.
        freed = CacheStats(removed, max(before.size - after.size, 0))
        await self._recorder.record([], [cleared(freed)])
        return freed

    def look_again(self) -> None:
        """Read the daemon's packages anew."""
        self._is_stale = True
        self._watch.doubt()

    async def shutdown(self) -> None:
        """End what can be ended, wait a little for what cannot, and say of the rest that its end is not known; within 12 s."""
        deadline = asyncio.get_running_loop().time() + _SHUTDOWN_WITHIN_SECS
        self._desk.is_closing = True
        await self._watch.stop()
        errand = self._errand
        if errand is not None:
            if await errand.can_be_ended():
                errand.end("shutdown", grace_secs=min(self._grace_secs, _SHUTDOWN_GRACE_SECS))
            await asyncio.wait([errand.done], timeout=max(deadline - asyncio.get_running_loop().time(), 0.1))
            errand.abandon()
        if self._worker is not None:
            self._wake.set()
            await self._worker

    async def _on_turn(self, turns: list[health.Turn]) -> None:
        if turns:
            await self._desk.store([], [health.announce(turn, self._client.url) for turn in turns])
        if not self._watch.health.is_up:
            self._is_stale = True  # it may come back with other packages
            return
        if self._is_stale:
            await self._read_packages()
        self._wake.set()

    async def _read_packages(self) -> None:
        try:
            self._desk.packages = await self._client.packages()
        except UnreachableError as exc:
            _log.warning("the daemon's packages cannot be read: %s", exc.message)
            return
        except ConfigError as exc:
            if self._flaw is None:
                _log.error("the daemon's packages do not fit together: %s", exc.message, extra={"where": exc.where})
            self._flaw = exc
            return
        self._flaw, self._is_stale, self._is_known = None, False, True
        await self._open()

    async def _open(self) -> None:
        """Take up what a former agent left, once the packages are known."""
        if self._is_known and not self._is_open:
            self._is_open = True
            await self._desk.open()

    async def _on_news(self, rows: list[Row]) -> None:
        """Builds of others: a row once they have ended, events for both."""
        for row in rows:
            build = news.as_build(
                row,
                self._desk.packages.get(row.package),
                requested_by=self._watch.others.requester_of(row),
                root=self._root,
            )
            median = await self._recorder.median_duration_secs(build.package)
            await self._desk.store([build] if build.status.is_final else [], [news.announced(build, median_secs=median)])

    async def _work(self) -> None:
        while not self._desk.is_closing:
            await self._wake.wait()
            self._wake.clear()
            while self._may_ask() and (job := self._desk.next()) is not None:
                try:
                    await self._carry_out(job)
                except StorageError as exc:  # while closing alone: before that it is tried again
                    _log.error("the end of a build was not stored", extra={"build": job.id, "reason": exc.message})

    def _may_ask(self) -> bool:
        return self._watch.health.is_up and asyncio.get_running_loop().time() >= self._blocked_until

    async def _carry_out(self, job: Job) -> None:
        errand = self._errand = Errand(job, self._client, root=self._root)
        others, package = self._watch.others, job.package.name
        try:
            build = await self._desk.begin(job)
            others.ask(package)
            try:
                outcome = await errand.run(on_taken=lambda: self._desk.tell_begun(build))
            except Exception as exc:  # noqa: BLE001  (a mistake of ours must not leave a build running for ever)
                _log.exception("a build could not be carried out", extra={"build": job.id})
                error = BuildError(f"The engine failed: {exc}", suggestion="buildnet-notify agent logs")
                outcome = Ended(BuildStatus.FAILED, "daemon", error=error)
            finally:
                others.settle(package, has_row=errand.has_row)
                self._watch.look_at_rows()
            if isinstance(outcome, Later):
                await self._put_off(job, outcome)
            else:
                errand.done.set_result(await self._end(replace(build, cancelled_by=errand.ended_by), outcome))
        finally:
            self._errand = None
            errand.done.cancel()  # if nothing has come of it
        if outcome.is_daemon_in_doubt:
            await self._watch.look()

    async def _end(self, build: Build, outcome: Ended) -> Build:
        self._refusals.pop(build.id, None)
        return await self._desk.finish(
            replace(
                build,
                status=outcome.status,
                reason=outcome.reason,
                exit_code=outcome.exit_code,
                error=outcome.error,
                tier=outcome.tier,
                cancelled_by=build.cancelled_by if outcome.status is BuildStatus.CANCELLED else "",
            )
        )

    async def _put_off(self, job: Job, later: Later) -> None:
        """Let a job wait in its old place. If the daemon is busy with its package alone, others may go before it."""
        loop = asyncio.get_running_loop()
        await self._desk.put_back(job, held=not later.is_for_all)
        if later.is_for_all:
            self._blocked_until = loop.time() + later.secs
            loop.call_later(later.secs, self._wake.set)
            return
        refusals = self._refusals[job.id] = self._refusals.get(job.id, 0) + 1
        secs = min(self._back_off_secs * 2 ** (refusals - 1), _LONGEST_BACK_OFF_SECS)
        loop.call_later(secs, self._release, job)

    def _release(self, job: Job) -> None:
        self._desk.queue.release([job])
        self._wake.set()


def _cannot_end(job: Job) -> UnsupportedError:
    message = f"the build of {job.package.name} cannot be cancelled: the BuildNet daemon has no way to end one that runs"
    return UnsupportedError(message, hint="builds that wait can be cancelled; a running one on this machine only, as its user")
