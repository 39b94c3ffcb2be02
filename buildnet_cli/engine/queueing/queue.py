"""What waits and what runs. Pure state: no clock, no process, no row."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from buildnet_cli.engine.model import Build
from buildnet_cli.engine.project import Package


@dataclass(frozen=True, slots=True)
class Job:
    """One build in the queue. needs: the ids of the builds that must have succeeded before it may begin."""

    build: Build
    package: Package
    needs: frozenset[str] = frozenset()

    @property
    def id(self) -> str:
        return self.build.id


class Queue:
    """Jobs in the order they were asked for.

    A need that neither waits nor runs any more is met: whoever ends a job without success removes its dependents in the same
    step. limit: how many may run at once.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._waiting: dict[str, Job] = {}
        self._running: dict[str, Job] = {}
        self._held: set[str] = set()

    @property
    def waiting(self) -> Mapping[str, Job]:
        """By build id, oldest first."""
        return self._waiting

    @property
    def running(self) -> Mapping[str, Job]:
        """By build id, in the order they began."""
        return self._running

    def add(self, jobs: Sequence[Job], *, held: bool = False) -> None:
        """Queue jobs; held ones have their place, but do not begin before their release.

        Ids sort by time, so that a job that was taken out and put back finds its old place.
        """
        self._waiting |= {job.id: job for job in jobs}
        self._waiting = dict(sorted(self._waiting.items()))
        if held:
            self._held.update(job.id for job in jobs)

    def release(self, jobs: Iterable[Job]) -> None:
        """Held jobs may begin."""
        self._held.difference_update(job.id for job in jobs)

    def begin_next(self) -> Job | None:
        """Move the oldest job that may begin from waiting to running; None if there is none."""
        if len(self._running) >= self.limit:
            return None
        busy = {job.package.name for job in self._running.values()}
        for job in self._waiting.values():
            is_free = job.id not in self._held and job.package.name not in busy
            if is_free and not any(self._is_open(need) for need in job.needs):
                self._running[job.id] = self._waiting.pop(job.id)
                return job
        return None

    def update(self, build: Build) -> None:
        """What is known of a running build has changed."""
        self._running[build.id] = replace(self._running[build.id], build=build)

    def end(self, build_id: str) -> None:
        """A running build is over; what needed it may begin."""
        del self._running[build_id]

    def remove(self, jobs: Iterable[Job]) -> None:
        """Take jobs out, as far as they wait."""
        for job in jobs:
            self._waiting.pop(job.id, None)

    def dependents(self, ids: Iterable[str]) -> list[Job]:
        """The waiting jobs that need one of these builds, directly or through others; oldest first."""
        lost = set(ids)
        found: list[Job] = []
        for job in self._waiting.values():  # what a job needs was queued before it
            if job.id not in lost and not lost.isdisjoint(job.needs):
                lost.add(job.id)
                found.append(job)
        return found

    def matching(self, target: str) -> list[Job]:
        """The jobs that a build id, a run id or a package name means; running ones first."""
        return [
            job
            for job in (*self._running.values(), *self._waiting.values())
            if target in (job.id, job.build.run_id, job.package.name)
        ]

    def position(self, ids: Iterable[str]) -> int:
        """The place, from 1, of the first of these that waits; 1 if none does."""
        wanted = set(ids)
        return next((place for place, waiting in enumerate(self._waiting, start=1) if waiting in wanted), 1)

    def _is_open(self, build_id: str) -> bool:
        return build_id in self._waiting or build_id in self._running
