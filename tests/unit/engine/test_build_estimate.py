from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from buildnet_cli.engine.queueing.estimate import starts
from buildnet_cli.engine.queueing.queue import Job, Queue
from tests.support.builds import build, packages
from tests.support.clocks import START

PACKAGES = packages(lib="", api="lib", docs="")


def queue_of(limit: int, *jobs: tuple[str, tuple[int, ...]]) -> Queue:
    queue = Queue(limit)
    queue.add(
        [
            Job(build(name, id_=f"build_{at}"), PACKAGES[name], frozenset(f"build_{need}" for need in needs))
            for at, (name, needs) in enumerate(jobs)
        ]
    )
    return queue


def seconds(queue: Queue, medians: dict[str, float]) -> dict[str, float]:
    return {build_id: (moment - START).total_seconds() for build_id, moment in starts(queue, medians, START).items()}


def test_what_can_begin_begins_now_even_if_nothing_is_known_of_it():
    assert seconds(queue_of(1, ("lib", ())), {}) == {"build_0": 0}


def test_a_queue_is_worked_off_one_after_the_other():
    queue = queue_of(1, ("lib", ()), ("docs", ()), ("api", (0,)))
    assert seconds(queue, {"lib": 5, "docs": 2, "api": 9}) == {"build_0": 0, "build_1": 5, "build_2": 7}


def test_slots_and_needs_are_kept():
    queue = queue_of(2, ("lib", ()), ("api", (0,)), ("docs", ()))
    assert seconds(queue, {"lib": 5, "docs": 2}) == {"build_0": 0, "build_2": 0, "build_1": 5}


def test_what_waits_for_something_unknown_is_left_out():
    assert seconds(queue_of(1, ("lib", ()), ("docs", ())), {"docs": 3}) == {"build_0": 0}


def test_a_running_build_counts_with_what_is_left_of_its_usual_time():
    queue = queue_of(1, ("lib", ()), ("docs", ()))
    running = queue.begin_next()
    assert running is not None
    queue.update(replace(running.build, started_at=START - timedelta(seconds=4)))
    assert seconds(queue, {"lib": 5}) == {"build_1": 1}
    assert seconds(queue, {"lib": 3}) == {"build_1": 0}, "one that takes longer than usual may end at any moment"
