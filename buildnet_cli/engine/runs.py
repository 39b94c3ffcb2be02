"""Builds that a `run` in somebody's terminal carries out: those of them that were killed without a word."""

from __future__ import annotations

from collections.abc import Collection

from buildnet_cli.clock import Clock
from buildnet_cli.engine.model import Origin
from buildnet_cli.engine.port import BuildRecorder
from buildnet_cli.engine.queueing import announce, ending
from buildnet_cli.process.identity import is_alive


async def gone(recorder: BuildRecorder) -> frozenset[str]:
    """The ids of builds that should run, in processes that do not.

    Whatever they have to say they have handed in by now: once the spool has been looked through, those can be closed that
    still seem to run.
    """
    running = await recorder.unfinished(Origin.RUN)
    return frozenset(build.id for build in running if build.processes and not is_alive(build.processes))


async def close(recorder: BuildRecorder, ids: Collection[str], clock: Clock) -> int:
    """Let those of the builds fail that still seem to run; how many those were."""
    if not ids:
        return 0
    lost = [ending.lost(build, clock.now()) for build in await recorder.unfinished(Origin.RUN) if build.id in ids]
    if lost:
        events = [announce.failed(build, median_secs=None, skipped=()) for build in lost]
        await recorder.record(lost, events)
    return len(lost)
