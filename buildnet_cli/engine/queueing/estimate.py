"""When queued builds will begin, as far as the durations of earlier ones tell."""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping
from datetime import datetime, timedelta

from buildnet_cli.engine.queueing.queue import Queue


def starts(queue: Queue, medians: Mapping[str, float], now: datetime) -> dict[str, datetime]:
    """When each waiting build will begin, by build id; one that cannot be told is left out.

    medians: seconds that a package's builds take; a package nobody has built yet is not in it.
    """
    ends: list[tuple[float, str]] = []
    for job in queue.running.values():
        begun = job.build.started_at
        elapsed = (now - begun).total_seconds() if begun is not None else 0.0
        heapq.heappush(ends, (max(medians.get(job.package.name, math.inf) - elapsed, 0.0), job.id))
    open_ = {*queue.waiting, *queue.running}
    packages = {job.id: job.package.name for job in (*queue.running.values(), *queue.waiting.values())}
    waiting = list(queue.waiting.values())
    begins: dict[str, datetime] = {}
    clock = 0.0
    while True:
        busy = {packages[build_id] for _, build_id in ends}
        for job in list(waiting):
            if len(ends) < queue.limit and job.package.name not in busy and open_.isdisjoint(job.needs):
                waiting.remove(job)
                busy.add(job.package.name)
                begins[job.id] = now + timedelta(seconds=clock)
                heapq.heappush(ends, (clock + medians.get(job.package.name, math.inf), job.id))
        if not waiting or not ends or math.isinf(ends[0][0]):
            return begins
        clock, ended = heapq.heappop(ends)
        open_.discard(ended)
