"""Digests: what is still open first, pairs as one line, and counts that add up."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.console import as_text
from buildnet_cli.channels.webhook import payload as forms
from buildnet_cli.messages.render import render, with_repeats
from tests.support.digests import AT, STILL, a_digest, fixed
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event
from tests.support.routing import told


@pytest.mark.parametrize("kind", ["quiet_hours", "batch", "rate_limit"])
def test_a_digest_looks_as_agreed(kind: str) -> None:
    message = render(fixed(a_digest(kind, still=STILL)))
    assert_golden(f"messages/digest.{kind}.txt", as_text(message))
    for form in ("json", "slack", "discord"):
        body = json.loads(forms.built_in(message, form))
        assert_golden(f"messages/{form}/digest.{kind}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def test_quiet_release_collapse() -> None:
    """Failed at night and fixed at night is one line, and no open problem."""
    story = [told("build.failed", "api", at=AT), told("build.completed", "api", at=AT + timedelta(minutes=30))]
    message = render(a_digest("quiet_hours", story))
    assert message.title == "While it was quiet: 1 closed"
    assert "closed build.failed api Fri 23:10, over Fri 23:40" in message.code
    assert "OPEN" not in message.code


def test_after_an_outage_the_headline_says_what_is_still_open() -> None:
    story = [told("build.failed", "api", at=AT), told("build.failed", "ui", at=AT), told("build.completed", "ui", at=AT)]
    message = render(a_digest("backlog", story, still={("build", "api")}))
    assert message.title == "3 delayed, 1 still open: build.failed ×2 (api, ui), build.completed ×1 (ui)"
    assert message.line == "3 events, Fri 23:10 America/New_York", "all of it within a minute"
    assert render(a_digest("backlog", story[1:])).title.startswith("2 delayed: ")


def test_what_failed_again_after_it_was_fixed_is_open() -> None:
    story = [told("build.failed"), told("build.completed"), told("build.failed", at=AT)]
    message = render(a_digest("quiet_hours", story, still={("build", "api")}))
    assert message.title == "While it was quiet: 1 open"
    assert message.code.startswith("OPEN")


def test_a_problem_that_ended_elsewhere_is_not_called_open() -> None:
    assert a_digest("quiet_hours", [told("build.failed"), told("custom.a")]).payload["open"] == []


def test_the_end_of_what_was_told_before_has_no_beginning() -> None:
    (pair,) = a_digest("quiet_hours", [told("build.completed"), told("custom.a")]).payload["closed"]
    assert pair["opened_at"] is None


@given(
    st.lists(
        st.tuples(st.sampled_from(["build.failed", "node.left", "custom.a"]), st.sampled_from(["", "api", "ui", "x"])), min_size=1
    )
)
def test_the_counts_add_up(events: list[tuple[str, str]]) -> None:
    content = a_digest("rate_limit", [told(type_, subject) for type_, subject in events]).payload
    assert sum(entry["count"] for entry in content["counts"]) == content["events"] == len(events)
    for entry in content["counts"]:
        assert sum(each["count"] for each in entry["subjects"]) == entry["count"]


def test_the_headline_says_how_much_of_what() -> None:
    events = [
        *(told("build.failed", "api") for _ in range(22)),
        *(told("build.failed", "ui") for _ in range(9)),
        told("node.left", ""),
    ]
    assert a_digest("rate_limit", events).message == "32 held: build.failed ×31 (api 22, ui 9), node.left ×1"


@pytest.mark.parametrize("content", [{}, {"kind": 5}, {"events": "x", "counts": 7, "from": None}, {"zone": "Europe", "from": ""}])
def test_an_event_that_only_looks_like_a_digest_is_shown_as_any_other(content: dict[str, object]) -> None:
    assert render(event("digest.batch", "hello", **content)).line == "hello"


def test_a_message_says_how_many_like_it_were_folded() -> None:
    message = render(SAMPLES["build.failed-first"])
    assert with_repeats(message, 0) is message
    assert with_repeats(message, 4).fields[0].value == "4 more like this were not sent"
