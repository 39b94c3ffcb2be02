"""First failure, third failure, new error, fixed: from what a package's earlier builds came to."""

from __future__ import annotations

from datetime import timedelta

import pytest

from buildnet_cli.engine.model import Build, BuildError, BuildStatus
from buildnet_cli.engine.standing import Standing, standing, with_standing
from buildnet_cli.events.model import EventDraft
from tests.support.clocks import START

STATUS = {"+": BuildStatus.COMPLETED, "c": BuildStatus.CACHED, "-": BuildStatus.FAILED, "x": BuildStatus.CANCELLED}
MINUTE = timedelta(minutes=1)


def history(signs: str) -> list[Build]:
    """Builds, newest first, from signs, oldest first; one a minute. A failure's error is that of its minute."""
    builds = []
    for minute, sign in enumerate(signs):
        error = BuildError("no", fingerprint=f"error {minute}") if sign == "-" else None
        at = START + minute * MINUTE
        builds.append(Build(f"build_{minute}", "run_1", "api", STATUS[sign], "cli", at, at, at, error=error))
    return builds[::-1]


@pytest.mark.parametrize(
    ("signs", "expected"),
    [
        ("", Standing()),
        ("+++", Standing(passes=3)),
        ("-+c", Standing(passes=2)),
        ("++--", Standing(2, 2, START + 2 * MINUTE, "error 3")),
        ("-+x-x-x", Standing(2, 1, START + 3 * MINUTE, "error 5")),
        ("--", Standing(2, 0, START, "error 1")),
    ],
)
def test_what_went_before_is_counted_and_cancelled_builds_are_not(signs: str, expected: Standing) -> None:
    assert standing(history(signs)) == expected


def told(type_: str, before: Standing, fingerprint: str = "") -> dict[str, object]:
    error = BuildError("no", fingerprint=fingerprint) if type_ == "build.failed" else None
    end = START + 10 * MINUTE
    build = Build("build_9", "run_1", "api", BuildStatus.FAILED, "cli", START, START, end, error=error)
    return dict(with_standing(EventDraft(type_, payload={"id": "build_9"}), build, before).payload)


def test_a_first_failure_says_how_long_it_went_well() -> None:
    assert told("build.failed", Standing(passes=14)) == {"id": "build_9", "failures": 1, "passes_before": 14}


def test_a_further_failure_says_how_many_and_for_how_long_and_whether_it_is_another_one() -> None:
    before = Standing(2, 5, START, "same")
    facts = {"id": "build_9", "failures": 3, "passes_before": 5, "red_secs": 600}
    assert told("build.failed", before, "same") == {**facts, "is_new_error": False}
    assert told("build.failed", before, "other") == {**facts, "is_new_error": True}


def test_a_success_after_failures_says_what_it_ends() -> None:
    assert told("build.completed", Standing(3, 1, START, "x")) == {"id": "build_9", "failures_before": 3, "red_secs": 600}
    assert told("build.completed", Standing(passes=4)) == {"id": "build_9"}
    # The cache has it from other sources than those that failed.
    assert told("build.cached", Standing(1, 1, START, "x")) == {"id": "build_9", "failures_before": 1, "red_secs": 600}


def test_other_events_are_left_as_they_are() -> None:
    assert told("build.started", Standing(3, 1, START, "x")) == {"id": "build_9"}
