"""Which of the daemon's builds are told as those of others."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.buildnetd.answers import Heard, Row
from buildnet_cli.engine.buildnetd.news import Others, announced, as_build
from buildnet_cli.engine.model import BuildStatus
from buildnet_cli.engine.project import Package
from tests.support.clocks import START

ROOT = Path("/project")


def row(id_: str, status: str = "completed", package: str = "api", error: str | None = None) -> Row:
    ended = START + timedelta(seconds=8) if status in ("completed", "failed") else None
    return Row(id=id_, package=package, status=status, started_at=START, completed_at=ended, error=error)


def read(others: Others, *rows: Row) -> list[tuple[str, str]]:
    """rows: newest first, as the daemon lists them."""
    return [(found.id, found.status) for found in others.read(rows, others.mark())]


def fresh(*past: Row) -> Others:
    others = Others()
    assert read(others, *past) == []
    return others


def test_what_was_there_before_us_is_no_news() -> None:
    others = fresh(row("b", "failed"), row("a"))
    assert read(others, row("b", "failed"), row("a")) == []


def test_a_build_is_told_when_it_begins_and_when_it_ends_and_never_again() -> None:
    others = fresh()
    assert read(others, row("a", "running")) == [("a", "running")]
    assert read(others, row("a", "running")) == []
    assert read(others, row("a")) == [("a", "completed")]
    assert read(others, row("a")) == []


def test_a_build_that_was_over_before_anybody_looked_is_told_by_its_end() -> None:
    assert read(fresh(), row("b", package="ui"), row("a")) == [("a", "completed"), ("b", "completed")]


def test_a_row_that_never_stops_running_is_never_news() -> None:
    others = fresh(row("stale", "running"))
    assert read(others, row("a"), row("stale", "running")) == [("a", "completed")]
    assert read(others, row("stale", "running")) == []


def test_a_build_that_ran_before_us_is_told_when_it_ends() -> None:
    assert read(fresh(row("a", "running")), row("a")) == [("a", "completed")]


def test_our_own_build_is_not_told() -> None:
    others = fresh()
    others.ask("api")
    assert read(others, row("a", "running")) == []
    others.settle("api", has_row=True)
    assert read(others, row("a")) == []
    assert read(others, row("a")) == []


def test_our_own_build_that_was_lost_is_not_told_when_it_ends_after_all() -> None:
    others = fresh()
    others.ask("api")
    others.settle("api", has_row=True)
    assert read(others, row("a", "running")) == []
    assert read(others, row("a", "failed")) == []


def test_rows_that_were_read_before_we_settled_do_not_make_our_build_news() -> None:
    others = fresh()
    others.ask("api")
    mark = others.mark()  # the daemon lists its rows before it writes ours
    others.settle("api", has_row=True)
    assert others.read([], mark) == []
    assert read(others, row("a")) == []


def test_a_skipped_build_of_ours_has_no_row_and_takes_nobody_s() -> None:
    others = fresh()
    others.ask("api")
    others.settle("api", has_row=False)
    assert read(others, row("a")) == [("a", "completed")]


def test_of_two_new_rows_the_newest_is_ours() -> None:
    others = fresh()
    others.ask("api")
    others.settle("api", has_row=True)
    assert read(others, row("b"), row("a", "failed")) == [("a", "failed")]


def test_somebody_else_s_build_that_kept_ours_out_is_told_once_we_know() -> None:
    others = fresh()
    others.ask("api")
    assert read(others, row("a", "running")) == []
    others.settle("api", has_row=False)
    assert read(others, row("a", "running")) == [("a", "running")]


def test_who_asked_is_what_was_heard_last() -> None:
    others = Others()
    assert others.requester_of(row("a")) == "buildnetd"
    others.hear(Heard("build_start", "api", source="curl"))
    others.hear(Heard("build_start", "api", source="unknown", is_ours=True))
    others.hear(Heard("build_complete", "api", source="cli"))
    assert others.requester_of(row("a")) == "buildnetd:curl"
    others.hear(Heard("build_start", packages=("api", "ui"), source="web-panel"))
    assert others.requester_of(row("b", package="ui")) == "buildnetd:web-panel"


def test_the_build_of_a_row_keeps_its_id_from_its_start_to_its_end() -> None:
    package = Package("api", "api", "make")
    id_ = "13861FB1-c611-4496-bf32-ce8e01733801"
    begun = as_build(row(id_, "running"), package, requested_by="buildnetd:curl", root=ROOT)
    ended = as_build(row(id_, "completed"), package, requested_by="buildnetd", root=ROOT)
    assert begun.id == ended.id == "build_13861fb1c6114496bf32ce8e01733801"
    assert (begun.status, begun.requested_by, begun.finished_at) == (BuildStatus.RUNNING, "buildnetd:curl", None)
    assert (ended.status, ended.duration) == (BuildStatus.COMPLETED, timedelta(seconds=8))
    assert ended.tier is None, "rows do not say it"


def test_a_failed_row_says_where() -> None:
    error = "Build failed: Command failed with exit code 1: main.c:8:2: error: 'foo' undeclared"
    failed = as_build(row("a", "failed", error=error), Package("api", "api", "make"), requested_by="buildnetd", root=ROOT)
    assert (failed.status, failed.reason, failed.exit_code) == (BuildStatus.FAILED, "exit", 1)
    assert failed.error is not None
    assert (failed.error.file, failed.error.line) == ("api/main.c", 8)


def test_each_state_is_one_event_however_often_it_is_told() -> None:
    found = []
    for status in ("running", "completed", "failed"):
        build = as_build(row("a", status), None, requested_by="buildnetd", root=ROOT)
        found.append((announced(build, median_secs=None).type, announced(build, median_secs=None).id))
    assert found == [
        ("build.started", "build_a.running"),
        ("build.completed", "build_a.completed"),
        ("build.failed", "build_a.failed"),
    ]


LISTS = st.lists(
    st.lists(st.tuples(st.sampled_from("abcd"), st.sampled_from(["running", "completed"])), unique_by=lambda r: r[0])
)


@given(LISTS)
def test_whatever_the_daemon_lists_no_end_is_told_twice(lists: Sequence[Sequence[tuple[str, str]]]) -> None:
    others, ended, gone = Others(), set(), set()
    for listed in lists:
        rows = [row(id_, "completed" if id_ in ended else status) for id_, status in listed if id_ not in gone]
        news = read(others, *rows)
        told = {id_ for id_, status in news if status == "completed"}
        assert not told & ended
        gone |= ended - {id_ for id_, _ in listed}  # a row that has left the list does not come back
        ended |= {found.id for found in rows if found.status == "completed"}
