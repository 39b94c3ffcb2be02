"""What the daemon's answers mean."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.buildnetd.answers import (
    CacheFigures,
    DaemonStatus,
    Heard,
    Verdict,
    read,
    read_build,
    read_event,
    read_rows,
)
from buildnet_cli.engine.model import Tier
from buildnet_cli.net.answer import Answer
from tests.support.clocks import START


def answer(status: int, body: object) -> Answer:
    return Answer(status, {}, body if isinstance(body, str) else json.dumps(body), "127.0.0.1", START)


BUILT = {
    "package": "api",
    "tier": "SmartIncremental",
    "status": "failed",
    "duration_ms": 12,
    "source_hash": "2d06800538d394c2",
    "output_hash": None,
    "error": "Build failed: Command failed with exit code 2: no",
}


def test_a_failed_build_is_an_answer_like_any_other() -> None:
    reply = read_build(answer(200, BUILT))
    assert reply.verdict is Verdict.BUILT
    assert reply.built is not None
    assert (reply.built.status, reply.built.tier, reply.built.error) == ("failed", Tier.SMART_INCREMENTAL, BUILT["error"])


@pytest.mark.parametrize("tier", list(Tier))
def test_every_tier_is_known_by_the_name_the_daemon_gives_it(tier: Tier) -> None:
    reply = read_build(answer(200, {**BUILT, "tier": tier.value, "status": "cached", "error": None}))
    assert reply.built is not None
    assert reply.built.tier is tier


@pytest.mark.parametrize(
    ("status", "body", "verdict", "wait_secs"),
    [
        (429, {"error": "Rate limit exceeded. Please wait 37 seconds", "code": "RATE_LIMITED"}, Verdict.TOO_MANY, 37.0),
        (429, {"error": "Please wait 1 second", "code": "RATE_LIMITED"}, Verdict.TOO_MANY, 1.0),
        (429, {"error": "slow down"}, Verdict.TOO_MANY, 60.0),
        (429, "", Verdict.TOO_MANY, 60.0),
        (409, {"error": "Package 'api' is already being built", "code": "BUILD_IN_PROGRESS"}, Verdict.BUSY, 0.0),
        (404, {"error": "Package not found: api", "code": "NOT_FOUND"}, Verdict.NO_PACKAGE, 0.0),
        (400, {"error": "Invalid package name", "code": "BAD_REQUEST"}, Verdict.REFUSED, 0.0),
        (500, {"error": "Build failed: disk", "code": "BUILD_FAILED"}, Verdict.REFUSED, 0.0),
        (415, "Expected request with `Content-Type: application/json`", Verdict.REFUSED, 0.0),
        (422, "Failed to deserialize the JSON body into the target type", Verdict.REFUSED, 0.0),
        (200, "", Verdict.LOST, 0.0),
        (200, '{"package": "api", "tier": "SmartIn', Verdict.LOST, 0.0),
        (200, {"hello": "world"}, Verdict.LOST, 0.0),
    ],
)
def test_what_an_answer_means(status: int, body: object, verdict: Verdict, wait_secs: float) -> None:
    reply = read_build(answer(status, body))
    assert (reply.verdict, reply.built, reply.wait_secs) == (verdict, None, wait_secs)


def test_the_words_of_a_refusal_are_kept_in_one_line() -> None:
    assert read_build(answer(500, {"error": "Build failed:\n disk"})).said == "the daemon answered 500: Build failed: disk"
    assert read_build(answer(415, "Expected JSON")).said == "the daemon answered 415: Expected JSON"
    assert read_build(answer(405, "")).said == "the daemon answered 405"


def test_a_status_without_its_figures_is_not_that_of_a_daemon() -> None:
    status = {"status": "running", "version": "0.1.0", "project_root": ".", "packages": [], "state_stats": {"total_builds": 1}}
    found = read(DaemonStatus, json.dumps(status))
    assert found is not None
    assert (found.version, found.project_root) == ("0.1.0", ".")
    del status["state_stats"]
    assert read(DaemonStatus, json.dumps(status)) is None


def test_the_figures_of_the_cache_are_read() -> None:
    found = read(CacheFigures, '{"cache_dir": "/c", "total_size": 265, "artifact_count": 1}')
    assert found is not None
    assert (found.total_size, found.artifact_count) == (265, 1)


@pytest.mark.parametrize("digits", ["", ".123", ".123456", ".123456789"])
def test_the_daemon_writes_times_with_any_number_of_digits(digits: str) -> None:
    row = {"id": "a", "package": "api", "source_hash": "x", "status": "running", "started_at": f"2024-01-26T12:00:00{digits}Z"}
    rows = read_rows(json.dumps([row]))
    assert rows is not None
    assert rows[0].started_at.replace(microsecond=0) == datetime(2024, 1, 26, 12, tzinfo=UTC)
    assert rows[0].is_running


def test_what_is_no_list_of_builds_is_none() -> None:
    assert read_rows('{"error": "no"}') is None
    assert read_rows("<html>") is None


def test_an_event_says_who_asked() -> None:
    event = {
        "event_type": "build_start",
        "package": "api",
        "message": "Building api",
        "timestamp": "2024-01-26T12:00:00Z",
        "level": "info",
        "source": {"source_type": "curl", "user_agent": "curl/8"},
        "build_info": {"build_type": "single", "package": "api", "force": False, "packages": []},
    }
    assert read_event("data: " + json.dumps(event)) == Heard("build_start", "api", (), "curl", is_ours=False)


def test_our_own_requests_are_known() -> None:
    event = {
        "event_type": "build_start",
        "package": "api",
        "source": {"source_type": "unknown", "user_agent": "buildnet-notify/1"},
    }
    heard = read_event("data:" + json.dumps(event))
    assert heard is not None
    assert heard.is_ours


def test_a_full_build_names_its_packages() -> None:
    event = {"event_type": "build_start", "package": None, "build_info": {"build_type": "full", "packages": ["a", "b", 3]}}
    assert read_event("data: " + json.dumps(event)) == Heard("build_start", "", ("a", "b"))


@pytest.mark.parametrize("line", ["", ":", ": keep-alive", "event: x", "id: 3"])
def test_comments_and_blank_lines_tell_nothing(line: str) -> None:
    assert read_event(line) is None


@given(st.text() | st.text().map(lambda text: f"data: {text}") | st.integers().map(lambda number: f"data: {number}"))
def test_no_line_can_end_the_listener(line: str) -> None:
    read_event(line)


@given(st.integers(100, 599), st.text(max_size=200))
def test_every_answer_has_a_meaning(status: int, text: str) -> None:
    assert read_build(answer(status, text)).wait_secs >= 0
