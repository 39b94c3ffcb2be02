"""Where builds are asked for, wait and are called off. Every change is a row, with its event, before it takes effect.

Who carries the builds out stands behind it: takes the next, and says how it ended.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace

from buildnet_cli.clock import Clock
from buildnet_cli.engine.model import Build, BuildStatus, Ticket
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing import announce, ending
from buildnet_cli.engine.queueing.estimate import starts
from buildnet_cli.engine.queueing.planner import in_build_order, plan, sort_leftovers
from buildnet_cli.engine.queueing.queue import Job, Queue
from buildnet_cli.engine.suggest import nearest_package
from buildnet_cli.errors import ConflictError, NotFoundError, StorageError, UnknownPackageError, UnreachableError
from buildnet_cli.events.model import EventDraft
from buildnet_cli.ids import new_id

_STORE_AGAIN_SECS = 1.0
_REMEMBERED = 1000

_log = logging.getLogger(__name__)


class Desk:
    """One queue of builds.

    packages: what may be asked for. limit: how many builds may run at once. wake: called when something may begin.
    asking: held by whoever changes what waits; `withdraw` expects it held.
    """

    def __init__(
        self,
        recorder: BuildRecorder,
        clock: Clock,
        *,
        packages: Mapping[str, Package],
        limit: int,
        wake: Callable[[], None],
    ) -> None:
        self.packages = packages
        self.queue = Queue(limit)
        self.asking = asyncio.Lock()
        self.is_paused = False
        self.is_closing = False
        self._recorder = recorder
        self._clock = clock
        self._wake = wake
        self._finished: deque[Build] = deque(maxlen=_REMEMBERED)

    async def open(self, end_crashed: Callable[[Sequence[Build]], Awaitable[list[EventDraft]]] | None = None) -> None:
        """Take up what a former agent left waiting, and let what it left running fail.

        end_crashed: ends what may still run of the latter, before anything begins that might work in the same folders, and
        says what is to be told of it beside that.
        """
        self.is_paused = await self._recorder.is_paused()
        left = sort_leftovers(self.packages, await self._recorder.unfinished())
        more = await end_crashed(left.crashed) if end_crashed is not None and left.crashed else []
        now = self._clock.now()
        crashed = [ending.crashed(build, now) for build in left.crashed]
        removed = [ending.cancelled(build, "removed", now) for build in left.removed]
        skipped = [(ending.skipped(build, cause, now), cause) for build, cause in left.skipped]
        events = []
        for build in crashed:
            lost = [other.package for other, cause in skipped if cause == build.package]
            events.append(announce.failed(build, median_secs=None, skipped=lost))
        events += [announce.cancelled(build) for build in removed]
        if crashed or removed or skipped:
            await self._recorder.record([*crashed, *removed, *(build for build, _ in skipped)], [*events, *more])
        self.queue.add(left.resumed)
        self._wake()

    async def enqueue(self, package: str | None, *, requested_by: str, is_forced: bool = False) -> Ticket:
        """Queue one package with its dependencies, or all (None). is_forced: what was asked for is built anew.

        Raises UnknownPackageError if there is no such package, UnreachableError while the engine stops, StorageError if nothing
        was queued.
        """
        self._refuse_unknown(package)
        async with self.asking:
            if self.is_closing:
                raise UnreachableError("the engine is stopping and takes no builds", hint="buildnet-notify agent start")
            medians = await self._medians(in_build_order(self.packages, package))
            now = self._clock.now()
            request = plan(
                self.packages, package, self.queue, requested_by=requested_by, is_forced=is_forced, now=now, new_id=new_id
            )
            self.queue.add(request.fresh, held=True)
            begins = {} if self.is_paused else starts(self.queue, medians, now)
            ids = [job.id for job in request.jobs]
            events = [
                announce.queued(
                    job.build,
                    position=self.queue.position([job.id]),
                    estimated_start=begins.get(job.id),
                    waiting=len(self.queue.waiting),
                )
                for job in request.fresh
            ]
            ticket = Ticket(
                run_id=request.run_id,
                package=package,
                builds=tuple(job.build for job in request.jobs),
                position=self.queue.position(ids),
                estimated_start=min((begins[build_id] for build_id in ids if build_id in begins), default=None),
            )
            if request.fresh:
                try:
                    await self._recorder.record([job.build for job in request.fresh], events)
                except StorageError:
                    self.queue.remove(request.fresh)
                    raise
                finally:
                    # Even if the caller no longer waits: what was handed in may be stored all the same.
                    self.queue.release(request.fresh)
                    self._wake()
        return ticket

    def matching(self, target: str) -> list[Job]:
        """What a build id, a run id or a package means, running ones first.

        Raises NotFoundError if nothing of that name is queued or running, ConflictError if the build is finished.
        """
        jobs = self.queue.matching(target)
        if not jobs:
            raise self._nothing_to_cancel(target)
        return jobs

    async def withdraw(self, ids: Collection[str], *, by: str) -> list[Build]:
        """Cancel those of these builds that wait, and all that waits for any of them. Raises StorageError; then nothing was."""
        waiting = [job for job in self.queue.waiting.values() if job.id in ids] + self.queue.dependents(ids)
        if not waiting:
            return []
        self.queue.remove(waiting)
        now = self._clock.now()
        ended = [ending.cancelled(job.build, "cancelled", now, by=by) for job in waiting]
        try:
            await self._recorder.record(ended, [announce.cancelled(build, waiting=len(self.queue.waiting)) for build in ended])
        except StorageError:
            self.queue.add(waiting)
            self._wake()
            raise
        self._finished.extend(ended)
        return ended

    async def pause(self) -> int:
        """Let nothing begin until `resume`, across restarts too; how many run on."""
        async with self.asking:
            await self._recorder.set_paused(True)
            self.is_paused = True
        return len(self.queue.running)

    async def resume(self) -> int:
        """Let builds begin again; how many were waiting."""
        async with self.asking:
            await self._recorder.set_paused(False)
            self.is_paused = False
        waiting = len(self.queue.waiting)
        self._wake()
        return waiting

    def next(self) -> Job | None:
        """The job that is to begin now, if any may."""
        return None if self.is_closing or self.is_paused else self.queue.begin_next()

    async def begin(self, job: Job) -> Build:
        """Its row says that it runs. The event follows once somebody has really begun: see `tell_begun`."""
        build = replace(job.build, status=BuildStatus.RUNNING, started_at=self._clock.now())
        await self.store([build])
        self.queue.update(build)
        return build

    async def tell_begun(self, build: Build) -> None:
        await self.store([], [announce.started(build, waiting=len(self.queue.waiting))])

    async def put_back(self, job: Job, *, held: bool = False) -> None:
        """It has not begun after all, and waits again in its old place. held: until the queue's `release`."""
        await self.store([job.build])
        self.queue.end(job.id)
        self.queue.add([job], held=held)

    async def finish(self, build: Build) -> Build:
        """A running build has come to its end, given without its time; what needed it ends with it unless it succeeded."""
        build = replace(build, finished_at=self._clock.now())
        lost = [] if build.status.is_success else self.queue.dependents([build.id])
        self.queue.remove(lost)
        others = [ending.without(job.build, build, self._clock.now()) for job in lost]
        await self.store([build, *others], await self._closing_words(build, others))
        self._finished.extend([build, *others])
        self.queue.end(build.id)
        self._wake()
        return build

    async def store(self, builds: Sequence[Build], events: Iterable[EventDraft] = ()) -> None:
        """Record what cannot be refused any more; a disk that is full now may have room in a while."""
        drafts = list(events)
        while True:
            try:
                return await self._recorder.record(builds, drafts)
            except StorageError as exc:
                _log.error("the state of builds cannot be stored", extra={"reason": exc.message})
                if self.is_closing:
                    raise
                await asyncio.sleep(_STORE_AGAIN_SECS)

    async def _closing_words(self, build: Build, others: Sequence[Build]) -> list[EventDraft]:
        if build.status is BuildStatus.CANCELLED:
            return [announce.cancelled(each, waiting=len(self.queue.waiting)) for each in (build, *others)]
        median = await self._recorder.median_duration_secs(build.package)
        if build.status is BuildStatus.CACHED:
            return [announce.cached(build, median_secs=median)]
        if build.status.is_success:
            return [announce.completed(build, median_secs=median)]
        return [announce.failed(build, median_secs=median, skipped=[other.package for other in others])]

    async def _medians(self, wanted: Iterable[Package]) -> dict[str, float]:
        """Usual durations of the wanted packages and of those in the queue, as far as they are known."""
        queued = (*self.queue.running.values(), *self.queue.waiting.values())
        names = {package.name for package in wanted} | {job.package.name for job in queued}
        found = {name: await self._recorder.median_duration_secs(name) for name in names}
        return {name: median for name, median in found.items() if median is not None}

    def _refuse_unknown(self, package: str | None) -> None:
        if not self.packages:
            raise UnknownPackageError("this project has no packages", hint="list them in .buildnet/config.json")
        if package is not None and package not in self.packages:
            raise UnknownPackageError(f"there is no package '{package[:80]}'", hint=nearest_package(package, self.packages))

    def _nothing_to_cancel(self, target: str) -> NotFoundError | ConflictError:
        for build in reversed(self._finished):
            if target in (build.id, build.run_id):
                return ConflictError(f"{target} is finished: {build.package} {build.status}")
        if target in self.packages:
            return NotFoundError(f"no build of '{target}' is queued or running")
        hint = nearest_package(target, self.packages)
        return NotFoundError(f"no build, run or package '{target[:80]}' is queued or running", hint=hint)
