"""The local engine: takes requests, runs what is ready, and lets every change become a row before it takes effect."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from buildnet_cli.clock import Clock
from buildnet_cli.engine.local import runner
from buildnet_cli.engine.local.cache import BuildCache
from buildnet_cli.engine.local.takeover import take_over
from buildnet_cli.engine.local.work import Worker
from buildnet_cli.engine.model import Build, BuildStatus, CacheStats, EngineStatus, Ticket
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Package, Project
from buildnet_cli.engine.queueing import announce, ending
from buildnet_cli.engine.queueing.estimate import starts
from buildnet_cli.engine.queueing.planner import in_build_order, plan
from buildnet_cli.engine.queueing.queue import Job, Queue
from buildnet_cli.engine.suggest import nearest_package
from buildnet_cli.errors import ConflictError, NotFoundError, StorageError, UnknownPackageError, UnreachableError
from buildnet_cli.events.model import EventDraft
from buildnet_cli.ids import new_id

_SHUTDOWN_GRACE_SECS = 5.0
# Of the 12 s that the agent has to end; the rest is for its deliveries and its doors.
_SHUTDOWN_WITHIN_SECS = 8.0
_STORE_AGAIN_SECS = 1.0
_REMEMBERED = 1000

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
        self._recorder = recorder
        self._clock = clock
        self._cache = cache
        self._worker = Worker(recorder, cache, logs=logs, grace_secs=grace_secs)
        self._environment = environment
        self._grace_secs = grace_secs
        self._queue = Queue(project.max_concurrent_builds)
        self._work: dict[str, _Work] = {}
        self._finished: deque[Build] = deque(maxlen=_REMEMBERED)
        # One request at a time: each is planned on a queue that holds all earlier ones.
        self._asking = asyncio.Lock()
        self._is_paused = False
        self._is_closing = False

    async def start(self) -> None:
        """Take over what a former agent left, and begin to work."""
        await self._cache.open()
        self._is_paused = await self._recorder.is_paused()
        self._queue.add(await take_over(self._project.packages, self._recorder, self._clock))
        self._begin_ready()

    async def enqueue(self, package: str | None, *, requested_by: str) -> Ticket:
        """Ask for a build of one package with its dependencies, or of all (None).

        Raises UnknownPackageError if there is no such package, UnreachableError while the engine stops, StorageError if nothing
        was queued.
        """
        self._refuse_unknown(package)
        async with self._asking:
            if self._is_closing:
                raise UnreachableError("the engine is stopping and takes no builds", hint="buildnet-notify agent start")
            medians = await self._medians(in_build_order(self._project.packages, package))
            now = self._clock.now()
            request = plan(self._project.packages, package, self._queue, requested_by=requested_by, now=now, new_id=new_id)
            self._queue.add(request.fresh, held=True)
            begins = {} if self._is_paused else starts(self._queue, medians, now)
            ids = [job.id for job in request.jobs]
            events = [
                announce.queued(job.build, position=self._queue.position([job.id]), estimated_start=begins.get(job.id))
                for job in request.fresh
            ]
            ticket = Ticket(
                run_id=request.run_id,
                package=package,
                builds=tuple(job.build for job in request.jobs),
                position=self._queue.position(ids),
                estimated_start=min((begins[build_id] for build_id in ids if build_id in begins), default=None),
            )
            if request.fresh:
                try:
                    await self._recorder.record([job.build for job in request.fresh], events)
                except StorageError:
                    self._queue.remove(request.fresh)
                    raise
                finally:
                    # Even if the caller no longer waits: what was handed in may be stored all the same.
                    self._queue.release(request.fresh)
                    self._begin_ready()
        return ticket

    async def cancel(self, target: str) -> list[Build]:
        """Cancel by build id, run id or package, with everything that waits for it; returns once all of it has ended.

        Raises NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        async with self._asking:
            jobs = self._queue.matching(target)
            if not jobs:
                raise self._nothing_to_cancel(target)
            ids = {job.id for job in jobs}
            waiting = [job for job in jobs if job.id in self._queue.waiting] + self._queue.dependents(ids)
            self._queue.remove(waiting)
            now = self._clock.now()
            ended = [ending.cancelled(job.build, "cancelled", now) for job in waiting]
            if ended:
                try:
                    await self._recorder.record(ended, [announce.cancelled(build) for build in ended])
                except StorageError:
                    self._queue.add(waiting)
                    self._begin_ready()
                    raise
            self._finished.extend(ended)
            stopping = [self._work[build_id] for build_id in ids if build_id in self._work]
            for work in stopping:
                work.stop.ask("cancelled", grace_secs=self._grace_secs)
        stopped = await asyncio.gather(*(asyncio.shield(work.task) for work in stopping))
        return [*stopped, *ended]

    async def status(self) -> EngineStatus:
        """What is building and what waits."""
        return EngineStatus(
            kind="local",
            state="paused" if self._is_paused else "running",
            packages=tuple(self._project.packages),
            running=tuple(job.build for job in self._queue.running.values()),
            queued=tuple(job.build for job in self._queue.waiting.values()),
        )

    async def pause(self) -> int:
        """Begin no more builds until `resume`, across restarts too; how many run on to their end."""
        async with self._asking:
            await self._recorder.set_paused(True)
            self._is_paused = True
        return len(self._queue.running)

    async def resume(self) -> int:
        """Begin builds again; how many were waiting."""
        async with self._asking:
            await self._recorder.set_paused(False)
            self._is_paused = False
        waiting = len(self._queue.waiting)
        self._begin_ready()
        return waiting

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
        self._queue.limit = project.max_concurrent_builds
        self._begin_ready()

    async def shutdown(self) -> None:
        """Stop every build, leave no process behind, and return within 8 s. What waits is taken up again by the next start."""
        self._is_closing = True
        work = list(self._work.values())
        for each in work:
            each.stop.ask("shutdown", grace_secs=min(self._grace_secs, _SHUTDOWN_GRACE_SECS))
        if work:
            await asyncio.wait([each.task for each in work], timeout=_SHUTDOWN_WITHIN_SECS)

    def _begin_ready(self) -> None:
        while not (self._is_closing or self._is_paused) and (job := self._queue.begin_next()) is not None:
            stop = runner.Stop()
            task = asyncio.create_task(self._carry_out(job, stop), name=f"build {job.id}")
            task.add_done_callback(_report_failure)
            self._work[job.id] = _Work(stop, task)

    async def _carry_out(self, job: Job, stop: runner.Stop) -> Build:
        """One build from its start to its last row. One whose result could be had from the cache never ran, and says so."""
        project, environment = self._project, self._environment
        build = replace(job.build, status=BuildStatus.RUNNING, started_at=self._clock.now())
        self._queue.update(build)
        prepared = await self._cache.prepare(job.package, project, environment, lambda: stop.is_asked)
        build = replace(build, tier=prepared.tier, why=prepared.why)
        if prepared.is_hit:
            result, remark = runner.Result(BuildStatus.CACHED), ""
        else:
            await self._store([build], [announce.started(build)])
            self._queue.update(build)
            result, remark = await self._worker.carry_out(job, prepared, project, environment, stop)
        now = self._clock.now()
        build = replace(
            build,
            status=result.status,
            reason=result.reason,
            exit_code=result.exit_code,
            error=result.error,
            why=replace(prepared.why, remark=prepared.why.remark or remark),
            finished_at=now,
        )
        lost = [] if build.status.is_success else self._queue.dependents([build.id])
        self._queue.remove(lost)
        others = [ending.without(job.build, build, now) for job in lost]
        await self._store([build, *others], await self._closing_words(build, others))
        self._finished.extend([build, *others])
        self._queue.end(build.id)
        del self._work[build.id]
        self._begin_ready()
        return build

    async def _closing_words(self, build: Build, others: Sequence[Build]) -> list[EventDraft]:
        if build.status is BuildStatus.CANCELLED:
            return [announce.cancelled(each) for each in (build, *others)]
        median = await self._recorder.median_duration_secs(build.package)
        if build.status is BuildStatus.CACHED:
            return [announce.cached(build, median_secs=median)]
        if build.status.is_success:
            return [announce.completed(build, median_secs=median)]
        return [announce.failed(build, median_secs=median, skipped=[other.package for other in others])]

    async def _store(self, builds: Sequence[Build], events: Iterable[EventDraft]) -> None:
        """Record what cannot be refused any more; a disk that is full now may have room in a while."""
        drafts = list(events)
        while True:
            try:
                return await self._recorder.record(builds, drafts)
            except StorageError as exc:
                _log.error("a build's state cannot be stored", extra={"build": builds[0].id, "reason": exc.message})
                if self._is_closing:
                    raise
                await asyncio.sleep(_STORE_AGAIN_SECS)

    async def _medians(self, wanted: Iterable[Package]) -> dict[str, float]:
        """Usual durations of the wanted packages and of those in the queue, as far as they are known."""
        queued = (*self._queue.running.values(), *self._queue.waiting.values())
        names = {package.name for package in wanted} | {job.package.name for job in queued}
        found = {name: await self._recorder.median_duration_secs(name) for name in names}
        return {name: median for name, median in found.items() if median is not None}

    def _refuse_unknown(self, package: str | None) -> None:
        known = self._project.packages
        if not known:
            raise UnknownPackageError("this project has no packages", hint="list them in .buildnet/config.json")
        if package is not None and package not in known:
            raise UnknownPackageError(f"there is no package '{package[:80]}'", hint=nearest_package(package, known))

    def _nothing_to_cancel(self, target: str) -> NotFoundError | ConflictError:
        for build in reversed(self._finished):
            if target in (build.id, build.run_id):
                return ConflictError(f"{target} is finished: {build.package} {build.status}")
        if target in self._project.packages:
            return NotFoundError(f"no build of '{target}' is queued or running")
        hint = nearest_package(target, self._project.packages)
        return NotFoundError(f"no build, run or package '{target[:80]}' is queued or running", hint=hint)


def _report_failure(task: asyncio.Task[Build]) -> None:
    """Nobody may be waiting for a build that could not be carried to its end; its row stays as it was stored last."""
    if not task.cancelled() and (failure := task.exception()) is not None:
        _log.error("a build's end was not stored", exc_info=failure)
