from __future__ import annotations

from buildnet_cli.engine.queueing.queue import Job, Queue
from tests.support.builds import build, packages

PACKAGES = packages(lib="", api="lib", ui="lib", docs="")


def job(number: int, package: str, *needs: int, run: int = 1) -> Job:
    row = build(package, id_=f"build_{number}", run_id=f"run_{run}")
    return Job(row, PACKAGES[package], frozenset(f"build_{need}" for need in needs))


def begun(queue: Queue) -> list[str]:
    names = []
    while (started := queue.begin_next()) is not None:
        names.append(started.package.name)
    return names


def test_what_is_ready_begins_in_the_order_it_was_asked_for_up_to_the_limit():
    queue = Queue(2)
    queue.add([job(1, "lib"), job(2, "api", 1), job(3, "ui", 1), job(4, "docs")])
    assert begun(queue) == ["lib", "docs"]
    assert list(queue.waiting) == ["build_2", "build_3"]


def test_dependents_begin_as_soon_as_their_own_needs_are_met_not_when_a_level_is_done():
    queue = Queue(4)
    queue.add([job(1, "lib"), job(2, "docs"), job(3, "api", 1)])
    assert begun(queue) == ["lib", "docs"]
    queue.end("build_1")
    assert begun(queue) == ["api"]
    assert "build_2" in queue.running


def test_one_package_is_never_built_twice_at_once():
    queue = Queue(4)
    queue.add([job(1, "lib"), job(2, "lib", run=2)])
    assert begun(queue) == ["lib"]
    queue.end("build_1")
    assert begun(queue) == ["lib"]


def test_held_jobs_keep_their_place_but_do_not_begin():
    queue = Queue(1)
    held = [job(1, "lib")]
    queue.add(held, held=True)
    queue.add([job(2, "docs")])
    assert queue.position(["build_2"]) == 2
    assert begun(queue) == ["docs"]
    queue.end("build_2")
    queue.release(held)
    assert begun(queue) == ["lib"]


def test_dependents_are_found_through_others():
    queue = Queue(1)
    queue.add([job(1, "lib"), job(2, "api", 1), job(3, "docs"), job(4, "ui", 2)])
    assert [found.id for found in queue.dependents(["build_1"])] == ["build_2", "build_4"]


def test_a_job_that_is_put_back_finds_its_old_place():
    queue = Queue(1)
    first = job(1, "lib")
    queue.add([first, job(2, "docs")])
    queue.remove([first])
    queue.add([first])
    assert list(queue.waiting) == ["build_1", "build_2"]


def test_a_target_is_a_build_a_run_or_a_package():
    queue = Queue(1)
    queue.add([job(1, "lib"), job(2, "lib", run=2), job(3, "docs", run=2)])
    queue.begin_next()
    assert [found.id for found in queue.matching("build_3")] == ["build_3"]
    assert [found.id for found in queue.matching("run_2")] == ["build_2", "build_3"]
    assert [found.id for found in queue.matching("lib")] == ["build_1", "build_2"]
    assert queue.matching("li") == []
