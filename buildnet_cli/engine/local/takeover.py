"""What a new agent does about the builds of a former one: ends what is left of them, and sorts their rows."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from buildnet_cli.clock import Clock
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing import announce, ending
from buildnet_cli.engine.queueing.planner import sort_leftovers
from buildnet_cli.engine.queueing.queue import Job
from buildnet_cli.process.identity import end_leftovers


async def take_over(packages: Mapping[str, Package], recorder: BuildRecorder, clock: Clock) -> tuple[Job, ...]:
    """Bring every build that a former agent left to a final state, with its event, or back into the queue; the latter's jobs.

    Their supervisors have ended their processes already, unless those were killed as well: then it is done here, before
    anything begins that might work in the same folders.
    """
    left = sort_leftovers(packages, await recorder.unfinished())
    ended_processes = 0
    for build in left.crashed:
        ended_processes += await asyncio.to_thread(end_leftovers, build.processes)
    now = clock.now()
    crashed = [ending.crashed(build, now) for build in left.crashed]
    removed = [ending.cancelled(build, "removed", now) for build in left.removed]
    skipped = [ending.skipped(build, cause, now) for build, cause in left.skipped]
    events = [
        announce.failed(
            build, median_secs=None, skipped=[other.package for other, cause in left.skipped if cause == build.package]
        )
        for build in crashed
    ]
    events += [announce.cancelled(build) for build in removed]
    if crashed:
        events.append(announce.recovered(crashed, ended_processes))
    if crashed or removed or skipped:
        await recorder.record([*crashed, *skipped, *removed], events)
    return left.resumed
