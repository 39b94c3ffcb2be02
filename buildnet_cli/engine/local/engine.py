"""The local engine: carries out, with processes of our own, what is asked for at its desk."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from buildnet_cli.clock import Clock
from buildnet_cli.engine.local import runner
from buildnet_cli.engine.local.cache import BuildCache
from buildnet_cli.engine.local.takeover import end_crashed
from buildnet_cli.engine.local.work import Worker
from buildnet_cli.engine.model import Build, BuildStatus, CacheStats, EngineStatus, Ticket
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Project
from buildnet_cli.engine.queueing import announce
from buildnet_cli.engine.queueing.desk import Desk
from buildnet_cli.engine.queueing.queue import Job

_SHUTDOWN_GRACE_SECS = 5.0
# Of the 12 s that the agent has to end; the rest is for its deliveries and its doors.
_SHUTDOWN_WITHIN_SECS = 8.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """A running build: how to stop it, and the task that ends with its last state."""

    stop: runner.Stop
    task: asyncio.Task[Build]


class LocalEngine:
    """Builds the packages of one workspace with processes of our own.

    logs: a folder for `<build id>/output.log`. environment: what builds inherit.
    grace_secs: what a build has between the request to end and the kill.
    """

    def __init__(
        self,
        project: Project,
        recorder: BuildRecorder,
        *,
        cache: BuildCache,
        clock: Clock,
        logs: Path,
        environment: Mapping[str, str],
        grace_secs: float = runner.GRACE_SECS,
    ) -> None:
        self._project = project
        self._clock = clock
        self._cache = cache
        self._worker = Worker(recorder, cache, logs=logs, grace_secs=grace_secs)
        self._environment = environment
        self._grace_secs = grace_secs
        self._work: dict[str, _Work] = {}
        self._desk = Desk(recorder, clock, packages=project.packages, limit=project.max_concurrent_builds, wake=self._begin_ready)

    async def start(self) -> None:
        """Take over what a former agent left, and begin to work."""
        await self._cache.open()
        await self._desk.open(end_crashed)

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        """Ask for a build of one package with its dependencies, or of all (None). is_forced: what was asked for is built anew.

        Raises UnknownPackageError if there is no such package, UnreachableError while the engine stops, StorageError if nothing
        was queued.
        """
        return await self._desk.enqueue(package, requested_by=requested_by, is_forced=is_forced)

    async def cancel(self, target: str, *, requested_by: str) -> list[Build]:
        """Cancel by build id, run id or package, with everything that waits for it; returns once all of it has ended.

        Raises NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        async with self._desk.asking:
            ids = {job.id for job in self._desk.matching(target)}
            ended = await self._desk.withdraw(ids, by=requested_by)
            stopping = [self._work[build_id] for build_id in ids if build_id in self._work]
            for work in stopping:
                work.stop.ask("cancelled", by=requested_by, grace_secs=self._grace_secs)
        stopped = await asyncio.gather(*(asyncio.shield(work.task) for work in stopping))
        return [*stopped, *ended]

    async def status(self) -> EngineStatus:
        """What is building and what waits."""
        queue = self._desk.queue
        return EngineStatus(
            kind="local",
            state="paused" if self._desk.is_paused else "running",
            packages=tuple(self._desk.packages),
            running=tuple(job.build for job in queue.running.values()),
            queued=tuple(job.build for job in queue.waiting.values()),
        )

    async def pause(self) -> int:
        """Begin no more builds until `resume`, across restarts too; how many run on to their end."""
        return await self._desk.pause()

    async def resume(self) -> int:
        """Begin builds again; how many were waiting."""
        return await self._desk.resume()

    async def cache_stats(self) -> CacheStats:
        """What the cache holds now."""
        return await self._cache.stock.stats()

    async def cache_clear(self) -> CacheStats:
        """Remove every artifact that no build is using; what was removed."""
        return await self._cache.stock.clear()

    def replace_project(self, project: Project, environment: Mapping[str, str]) -> None:
        """Build by another configuration from now on; what is queued or running goes on as it was asked for."""
        self._project = project
        self._environment = environment
        self._desk.packages = project.packages
        self._desk.queue.limit = project.max_concurrent_builds
        self._begin_ready()

    async def shutdown(self) -> None:
        """Stop every build, leave no process behind, and return within 8 s. What waits is taken up again by the next start."""
        self._desk.is_closing = True
        work = list(self._work.values())
        for each in work:
            each.stop.ask("shutdown", grace_secs=min(self._grace_secs, _SHUTDOWN_GRACE_SECS))
        if work:
            await asyncio.wait([each.task for each in work], timeout=_SHUTDOWN_WITHIN_SECS)

    def _begin_ready(self) -> None:
        while (job := self._desk.next()) is not None:
            stop = runner.Stop()
            task = asyncio.create_task(self._carry_out(job, stop), name=f"build {job.id}")
            task.add_done_callback(_report_failure)
            self._work[job.id] = _Work(stop, task)

    async def _carry_out(self, job: Job, stop: runner.Stop) -> Build:
        """One build from its start to its last row. One whose result could be had from the cache never ran, and says so."""
        project, environment = self._project, self._environment
        build = replace(job.build, status=BuildStatus.RUNNING, started_at=self._clock.now())
        self._desk.queue.update(build)
        prepared = await self._cache.prepare(job.package, project, environment, lambda: stop.is_asked, is_forced=build.is_forced)
        build = replace(build, tier=prepared.tier, why=prepared.why)
        if prepared.is_hit:
            result, remark = runner.Result(BuildStatus.CACHED), ""
        else:
            await self._desk.store([build], [announce.started(build, waiting=len(self._desk.queue.waiting))])
            self._desk.queue.update(build)
            result, remark = await self._worker.carry_out(job, prepared, project, environment, stop)
        build = await self._desk.finish(
            replace(
                build,
                status=result.status,
                reason=result.reason,
                exit_code=result.exit_code,
                error=result.error,
                why=replace(prepared.why, remark=prepared.why.remark or remark),
                cancelled_by=stop.by if result.status is BuildStatus.CANCELLED else "",
            )
        )
        del self._work[build.id]
        return build


def _report_failure(task: asyncio.Task[Build]) -> None:
    """Nobody may be waiting for a build that could not be carried to its end; its row stays as it was stored last."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        _log.error("a build's end was not stored", exc_info=failure)
