"""What a request means: which packages, in which order, and which of them are queued already."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from graphlib import TopologicalSorter

from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing.queue import Job, Queue


@dataclass(frozen=True, slots=True)
class Plan:
    """One request, planned.

    run_id: of the new builds; of the earlier request if that asked for the same.
    jobs: everything it will see built, dependencies first. fresh: those of them that have to be queued.
    """

    run_id: str
    jobs: tuple[Job, ...]
    fresh: tuple[Job, ...]


def in_build_order(packages: Mapping[str, Package], wanted: str | None) -> list[Package]:
    """A package with all that it depends on, or every package (None); dependencies first, else in the order of the file."""
    names = set(packages) if wanted is None else _closure(packages, wanted)
    sorter = TopologicalSorter({name: package.dependencies for name, package in packages.items() if name in names})
    return [packages[name] for name in sorter.static_order()]


def plan(
    packages: Mapping[str, Package],
    wanted: str | None,
    queue: Queue,
    *,
    requested_by: str,
    is_forced: bool = False,
    now: datetime,
    new_id: Callable[[str], str],
) -> Plan:
    """Plan a request. A waiting build of the same package on the same dependencies stands for a new one.

    is_forced: whether what was asked for is to be built whatever the cache holds; its dependencies are as usual.
    """
    run_id = new_id("run")
    latest = {job.package.name: job for job in queue.waiting.values()}
    chosen: dict[str, Job] = {}
    fresh: list[Job] = []
    for package in in_build_order(packages, wanted):
        needs = frozenset(chosen[name].id for name in package.dependencies)
        job = latest.get(package.name)
        anew = is_forced and wanted in (None, package.name)
        if job is None or job.needs != needs or (anew and not job.build.is_forced):
            build = Build(new_id("build"), run_id, package.name, BuildStatus.QUEUED, requested_by, queued_at=now, is_forced=anew)
            job = Job(build, package, needs)
            fresh.append(job)
        chosen[package.name] = job
    jobs = tuple(chosen.values())
    if not fresh:
        run_id = (chosen[wanted] if wanted is not None else jobs[-1]).build.run_id
    return Plan(run_id, jobs, tuple(fresh))


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What a former agent left, sorted.

    crashed: builds that ran. skipped: each with the package through which it cannot be built.
    removed: builds of packages that are gone. resumed: jobs to queue again.
    """

    crashed: tuple[Build, ...]
    skipped: tuple[tuple[Build, str], ...]
    removed: tuple[Build, ...]
    resumed: tuple[Job, ...]


def sort_leftovers(packages: Mapping[str, Package], unfinished: Sequence[Build]) -> Leftovers:
    """Decide what becomes of the builds that a former agent left unfinished, oldest first."""
    newest: dict[str, Job] = {}
    lost: dict[str, str] = {}  # a package whose newest build is lost, and the package it is lost through
    crashed: list[Build] = []
    skipped: list[tuple[Build, str]] = []
    removed: list[Build] = []
    resumed: list[Job] = []
    for build in unfinished:
        package = packages.get(build.package)
        missing = [lost[name] for name in package.dependencies if name in lost] if package is not None else []
        if build.status is BuildStatus.RUNNING:
            crashed.append(build)
            lost[build.package] = build.package
        elif package is None:
            removed.append(build)
            lost[build.package] = build.package
        elif missing:
            skipped.append((build, missing[0]))
            lost[build.package] = missing[0]
        else:
            needs = frozenset(newest[name].id for name in package.dependencies if name in newest)
            resumed.append(Job(build, package, needs))
            newest[build.package] = resumed[-1]
            lost.pop(build.package, None)
    return Leftovers(tuple(crashed), tuple(skipped), tuple(removed), tuple(resumed))


def _closure(packages: Mapping[str, Package], wanted: str) -> set[str]:
    found: set[str] = set()
    open_ = [wanted]
    while open_:
        name = open_.pop()
        if name not in found:
            found.add(name)
            open_.extend(packages[name].dependencies)
    return found
