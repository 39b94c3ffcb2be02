from __future__ import annotations

import itertools
from collections.abc import Callable

from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.model import BuildStatus
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.queueing.planner import Plan, in_build_order, plan, sort_leftovers
from buildnet_cli.engine.queueing.queue import Queue
from tests.support.builds import build, packages
from tests.support.clocks import START

PACKAGES = packages(api="lib tools", lib="", tools="lib", docs="")


def numbered() -> Callable[[str], str]:
    count = itertools.count(1)
    return lambda prefix: f"{prefix}_{next(count):03}"


def ask(queue: Queue, wanted: str | None, new_id: Callable[[str], str], *, is_forced: bool = False) -> Plan:
    made = plan(PACKAGES, wanted, queue, requested_by="cli", is_forced=is_forced, now=START, new_id=new_id)
    queue.add(made.fresh)
    return made


def names(request: Plan) -> list[str]:
    return [job.package.name for job in request.jobs]


def test_a_package_comes_with_its_dependencies_first():
    assert [package.name for package in in_build_order(PACKAGES, "api")] == ["lib", "tools", "api"]


def test_no_name_means_every_package():
    assert sorted(package.name for package in in_build_order(PACKAGES, None)) == ["api", "docs", "lib", "tools"]


@given(st.integers(1, 20).flatmap(lambda size: st.lists(st.sets(st.integers(0, size - 1)), min_size=size, max_size=size)))
def test_every_dependency_stands_before_what_needs_it(needs: list[set[int]]):
    # An edge only ever points to a smaller number, so there is no circle.
    graph = {
        str(at): Package(str(at), ".", "true", tuple(str(other) for other in others if other < at))
        for at, others in enumerate(needs)
    }
    order = [package.name for package in in_build_order(graph, None)]
    assert sorted(order) == sorted(graph)
    assert all(order.index(other) < order.index(name) for name in graph for other in graph[name].dependencies)


def test_what_is_forced_is_what_was_asked_for_and_not_what_it_needs():
    assert [job.build.is_forced for job in ask(Queue(1), "api", numbered(), is_forced=True).jobs] == [False, False, True]
    assert all(job.build.is_forced for job in ask(Queue(1), None, numbered(), is_forced=True).jobs)


def test_a_forced_request_waits_beside_one_that_is_not_and_stands_for_it():
    queue, new_id = Queue(1), numbered()
    ask(queue, "api", new_id)
    forced = ask(queue, "api", new_id, is_forced=True)
    assert [job.package.name for job in forced.fresh] == ["api"]
    assert ask(queue, "api", new_id).fresh == ()
    assert ask(queue, "api", new_id, is_forced=True).fresh == ()


def test_the_builds_of_one_request_share_a_run_and_need_each_other():
    request = ask(Queue(1), "api", numbered())
    lib, tools, api = request.jobs
    assert {job.build.run_id for job in request.jobs} == {request.run_id}
    assert (lib.needs, tools.needs, api.needs) == (frozenset(), {lib.id}, {lib.id, tools.id})


def test_an_identical_request_that_waits_is_not_queued_twice():
    queue, new_id = Queue(1), numbered()
    first = ask(queue, "api", new_id)
    second = ask(queue, "api", new_id)
    assert second.fresh == ()
    assert second.run_id == first.run_id
    assert second.jobs == first.jobs


def test_a_request_shares_only_what_waits_already():
    queue, new_id = Queue(1), numbered()
    first = ask(queue, "tools", new_id)
    second = ask(queue, "api", new_id)
    assert [job.package.name for job in second.fresh] == ["api"]
    assert names(second) == ["lib", "tools", "api"]
    assert second.run_id != first.run_id


def test_a_build_that_runs_already_may_have_read_old_sources_and_is_queued_anew_with_all_that_needs_it():
    queue, new_id = Queue(1), numbered()
    ask(queue, "api", new_id)
    assert queue.begin_next() is not None  # lib
    second = ask(queue, "api", new_id)
    assert [job.package.name for job in second.fresh] == ["lib", "tools", "api"]


def test_after_a_crash_what_ran_is_lost_with_all_that_needed_it_and_the_rest_is_resumed():
    left = sort_leftovers(
        PACKAGES,
        [
            build("lib", BuildStatus.RUNNING, id_="build_1"),
            build("tools", id_="build_2"),
            build("api", id_="build_3"),
            build("docs", id_="build_4"),
            build("gone", id_="build_5"),
        ],
    )
    assert [row.package for row in left.crashed] == ["lib"]
    assert [(row.package, cause) for row, cause in left.skipped] == [("tools", "lib"), ("api", "lib")]
    assert [row.package for row in left.removed] == ["gone"]
    assert [job.package.name for job in left.resumed] == ["docs"]


def test_resumed_builds_still_wait_for_each_other():
    left = sort_leftovers(PACKAGES, [build("lib", id_="build_1"), build("tools", id_="build_2"), build("api", id_="build_3")])
    assert [set(job.needs) for job in left.resumed] == [set(), {"build_1"}, {"build_1", "build_2"}]


def test_a_later_request_is_not_lost_with_the_build_that_crashed():
    left = sort_leftovers(
        PACKAGES,
        [build("lib", BuildStatus.RUNNING, id_="build_1"), build("lib", id_="build_2"), build("tools", id_="build_3")],
    )
    assert [(job.id, set(job.needs)) for job in left.resumed] == [("build_2", set()), ("build_3", {"build_2"})]
