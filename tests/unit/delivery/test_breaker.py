"""When a target is left alone, when it is probed, and when it is well again."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.delivery.backoff import Failure
from buildnet_cli.delivery.breaker import (
    LONGEST_PAUSE,
    MOST_IN_A_ROW,
    Breaker,
    Flow,
    after_failure,
    after_reload,
    after_success,
    sharing_credential,
)
from buildnet_cli.errors import Outcome
from buildnet_cli.routing.decision import Target
from tests.support.clocks import START

DOWN = Failure(Outcome.RETRY, "503")
REFUSED = Failure(Outcome.PERMANENT, "404")
GONE = Failure(Outcome.GONE, "410")
DENIED = Failure(Outcome.HOLD, "401")


def through(*steps: Failure | None, breaker: Breaker | None = None, now: datetime = START) -> Breaker:
    """The state after these attempts; None is one that was taken."""
    breaker = breaker or Breaker()
    for step in steps:
        breaker = after_success(breaker) if step is None else after_failure(breaker, step, now)
    return breaker


def test_five_failures_in_a_row_and_not_four_leave_it_alone() -> None:
    assert through(*[DOWN] * 4).flow is Flow.WORKING
    assert through(*[DOWN] * 4, None, *[DOWN] * 4).flow is Flow.WORKING
    assert through(*[DOWN] * 5).flow is Flow.FAILING


def test_half_of_the_last_twenty_leave_it_alone_and_less_do_not() -> None:
    assert through(*[DOWN, None] * 9, DOWN).flow is Flow.WORKING, "nineteen attempts say too little"
    assert through(*[DOWN, None] * 9, None, DOWN).flow is Flow.FAILING
    assert through(*[DOWN, None, None] * 20).flow is Flow.WORKING


def test_probes_come_after_30_seconds_and_then_half_as_often_up_to_15_minutes() -> None:
    breaker, now, pauses = through(*[DOWN] * MOST_IN_A_ROW), START, []
    for _ in range(8):
        assert breaker.not_before is not None
        assert breaker.is_shut(breaker.not_before - timedelta(milliseconds=1))
        assert not breaker.is_shut(breaker.not_before)
        pauses.append((breaker.not_before - now).total_seconds())
        now = breaker.not_before
        breaker = after_failure(breaker, DOWN, now)
    assert pauses == [30, 60, 120, 240, 480, 900, 900, 900]


def test_a_probe_that_is_taken_makes_it_well_and_forgets_what_was() -> None:
    assert through(*[DOWN] * 9, None) == Breaker()
    assert through(DENIED, None) == Breaker()
    assert through(*[REFUSED] * 9, None) == Breaker()


def test_a_target_without_trouble_is_like_one_never_heard_of() -> None:
    assert through(*[None] * 50) == Breaker()
    assert through(DOWN, *[None] * 20) == Breaker()


@pytest.mark.parametrize(("asked", "secs"), [(7, 7), (60, 60), (86_400, LONGEST_PAUSE.total_seconds())])
def test_a_provider_that_asks_for_a_pause_gets_one(asked: float, secs: float) -> None:
    breaker = through(Failure(Outcome.RETRY, "429", asked))
    assert breaker.flow is Flow.WORKING
    assert breaker.is_shut(START + timedelta(seconds=secs - 0.1))
    assert not breaker.is_shut(START + timedelta(seconds=secs))
    assert not through(DOWN).is_shut(START), "one that asks for none gets none"


def test_a_refused_credential_holds_at_once_and_is_probed_every_15_minutes() -> None:
    breaker = through(DENIED)
    for probe in (DENIED, DOWN):
        assert (breaker.flow, breaker.not_before) == (Flow.HELD, START + timedelta(minutes=15))
        breaker = after_failure(breaker, probe, START)
    assert (breaker.flow, breaker.since) == (Flow.HELD, START)


def test_a_reload_lets_it_be_tried_at_once() -> None:
    for breaker in (through(DENIED), through(*[DOWN] * 12)):
        assert not after_reload(breaker).is_shut(START)
        assert after_reload(breaker).is_probing, "one message first"


def test_one_that_refuses_is_said_to_and_holds_nothing_back() -> None:
    assert through(REFUSED).flow is Flow.REFUSING
    breaker = through(*[REFUSED] * 30)
    assert breaker.flow is Flow.REFUSING
    assert not breaker.is_shut(START)
    assert not breaker.is_probing


def test_a_refusal_of_one_message_shows_that_a_failing_target_answers_again() -> None:
    breaker = through(*[DOWN] * 5, REFUSED)
    assert breaker.flow is Flow.REFUSING
    assert not breaker.is_shut(START)


@pytest.mark.parametrize("after", [[], [DOWN], [Failure(Outcome.UNKNOWN, "?")] * 9])
def test_one_that_is_gone_is_left_alone_until_somebody_has_it_tried(after: list[Failure]) -> None:
    breaker = through(GONE, *after)
    assert breaker.flow is Flow.GONE
    assert breaker.is_shut(START + timedelta(days=3650))
    assert not after_reload(breaker).is_shut(START)
    assert after_reload(breaker).is_probing
    assert after_success(after_reload(breaker)) == Breaker()


@pytest.mark.parametrize("outcome", [Outcome.CRASHED, Outcome.INTERRUPTED])
def test_what_is_our_own_doing_says_nothing_about_a_target(outcome: Outcome) -> None:
    assert through(*[Failure(outcome, "oops")] * 50) == Breaker()


@pytest.mark.parametrize("steps", [[DENIED], [DOWN] * 9])
def test_a_clock_that_was_set_back_shuts_a_target_for_no_longer_than_a_pause(steps: list[Failure]) -> None:
    assert not through(*steps).is_shut(START - timedelta(days=365))


@given(
    st.lists(st.sampled_from([None, DOWN, REFUSED, DENIED, Failure(Outcome.UNKNOWN, "?"), Failure(Outcome.RETRY, "429", 99.0)]))
)
def test_after_anything_at_all_it_can_be_tried_within_a_quarter_of_an_hour_and_one_success_ends_the_trouble(
    steps: list[Failure | None],
) -> None:
    breaker = through(*steps)
    assert not breaker.is_shut(START + LONGEST_PAUSE)
    assert len(breaker.recent) <= 20
    assert after_success(breaker).flow is Flow.WORKING
    assert not after_success(breaker).is_shut(START)


def test_a_credential_is_an_endpoints_own_or_the_whole_channels() -> None:
    ci, ops, dana, kim = Target("webhook", "ci"), Target("webhook", "ops"), Target("sms", "Dana"), Target("sms", "Kim")
    assert sharing_credential(ci, [ci, ops, dana, kim]) == [ci]
    assert sharing_credential(dana, [ci, ops, dana, kim]) == [dana, kim]
