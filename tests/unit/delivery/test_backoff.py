"""What a failed attempt means: the table, the provider's own delay, the age, and the ends that are not delivery."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.delivery.backoff import DELAYS, MAX_AGE, MOST_CRASHES, Failure, fate_of
from buildnet_cli.delivery.model import DeliveryStatus, Effort
from buildnet_cli.errors import Outcome
from buildnet_cli.events.priority import Priority
from tests.support.clocks import START

REFUSED = Failure(Outcome.RETRY, "503")
AGAIN = st.sampled_from([Outcome.RETRY, Outcome.UNKNOWN, Outcome.CRASHED, Outcome.HOLD, Outcome.INTERRUPTED])


def delay(failure: Failure, earlier: dict[Outcome, int] | None = None, *, jitter: float = 0.5) -> float:
    fate = fate_of(failure, Effort(START, earlier or {}), Priority.CRITICAL, START, jitter)
    assert fate.next_attempt_at is not None
    return (fate.next_attempt_at - START).total_seconds()


@pytest.mark.parametrize(
    ("failed_before", "secs"),
    list(enumerate([5, 30, 120, 600, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400, 86_400])),
)
def test_each_failure_waits_as_long_as_the_table_says(failed_before: int, secs: float) -> None:
    assert delay(REFUSED, {Outcome.RETRY: failed_before}) == secs


def test_the_first_attempt_waits_for_nothing() -> None:
    assert DELAYS[0] == timedelta()


@given(st.floats(0, 1), st.integers(0, 20))
def test_jitter_takes_or_adds_half_at_most(jitter: float, failed_before: int) -> None:
    middle = DELAYS[min(failed_before + 1, len(DELAYS) - 1)].total_seconds()
    assert middle * 0.5 - 1e-5 <= delay(REFUSED, {Outcome.RETRY: failed_before}, jitter=jitter) <= middle * 1.5 + 1e-5


@pytest.mark.parametrize(
    ("asked", "secs"),
    [(7, 7), (0, 1), (0.2, 1), (3600, 3600), (10**9, 86_400), (-5, 5), (float("nan"), 5), (float("inf"), 5), (None, 5)],
)
def test_the_providers_own_delay_replaces_the_tables_and_nonsense_is_ignored(asked: float | None, secs: float) -> None:
    assert delay(Failure(Outcome.RETRY, "429", asked)) == secs


@pytest.mark.parametrize("quiet", [Outcome.HOLD, Outcome.INTERRUPTED])
def test_attempts_that_were_held_or_broken_off_make_the_next_wait_no_longer(quiet: Outcome) -> None:
    assert delay(REFUSED, {quiet: 50}) == 5


def test_what_is_refused_for_good_is_dead() -> None:
    fate = fate_of(Failure(Outcome.PERMANENT, "410"), Effort(START), Priority.LOW, START, 0)
    assert (fate.status, fate.next_attempt_at) == (DeliveryStatus.DEAD, None)


@given(st.integers(0, 10**6), st.integers(0, 10**9))
def test_a_refused_credential_never_ends_a_delivery(held_before: int, age_secs: int) -> None:
    effort = Effort(START, {Outcome.HOLD: held_before})
    fate = fate_of(Failure(Outcome.HOLD, "401"), effort, Priority.LOW, START + timedelta(seconds=age_secs), 0)
    assert fate.status is DeliveryStatus.PENDING


def test_an_answer_lost_once_is_tried_again_and_marked_and_lost_twice_ends_it_honestly() -> None:
    lost = Failure(Outcome.UNKNOWN, "no answer")
    first = fate_of(lost, Effort(START), Priority.HIGH, START, 0)
    second = fate_of(lost, Effort(START, {Outcome.UNKNOWN: 1}), Priority.HIGH, START, 0)
    assert (first.status, "may repeat" in first.reason) == (DeliveryStatus.PENDING, True)
    assert (second.status, "may have arrived" in second.reason) == (DeliveryStatus.DEAD, True)


@given(st.integers(0, 1000))
def test_our_own_end_never_ends_a_delivery(broken_off: int) -> None:
    effort = Effort(START, {Outcome.INTERRUPTED: broken_off})
    assert fate_of(Failure(Outcome.INTERRUPTED, "stopped"), effort, Priority.LOW, START, 0).status is DeliveryStatus.PENDING
    assert fate_of(Failure(Outcome.UNKNOWN, "silence"), effort, Priority.LOW, START, 0).status is DeliveryStatus.PENDING


def test_what_makes_our_own_code_fail_is_set_aside_by_the_third_time() -> None:
    crash = Failure(Outcome.CRASHED, "KeyError")
    fates = [fate_of(crash, Effort(START, {Outcome.CRASHED: n}), Priority.LOW, START, 0) for n in range(MOST_CRASHES)]
    assert [fate.status for fate in fates] == [DeliveryStatus.PENDING, DeliveryStatus.PENDING, DeliveryStatus.DEAD]
    many = Effort(START, {Outcome.RETRY: 100})
    assert fate_of(crash, many, Priority.LOW, START, 0).status is DeliveryStatus.PENDING, "the provider's refusals do not count"


@pytest.mark.parametrize(
    ("priority", "hours"), [(Priority.LOW, 24), (Priority.MEDIUM, 48), (Priority.HIGH, 72), (Priority.CRITICAL, 72)]
)
def test_a_delivery_is_given_up_at_its_age_and_not_before(priority: Priority, hours: int) -> None:
    deadline = START + timedelta(hours=hours)
    before = fate_of(REFUSED, Effort(START), priority, deadline - timedelta(milliseconds=1), 1)
    assert (before.status, before.next_attempt_at) == (DeliveryStatus.PENDING, deadline), "once more at the very end"
    assert fate_of(REFUSED, Effort(START), priority, deadline, 0).status is DeliveryStatus.EXPIRED


@given(AGAIN, st.sampled_from(Priority), st.integers(0, 10**7), st.floats(0, 1), st.dictionaries(AGAIN, st.integers(0, 30)))
def test_whatever_is_pending_has_a_time_and_whatever_is_final_has_none(
    outcome: Outcome, priority: Priority, age_secs: int, jitter: float, earlier: dict[Outcome, int]
) -> None:
    now = START + timedelta(seconds=age_secs)
    fate = fate_of(Failure(outcome, "no"), Effort(START, earlier), priority, now, jitter)
    assert (fate.status is DeliveryStatus.PENDING) == (fate.next_attempt_at is not None)
    if fate.next_attempt_at is not None:
        assert now <= fate.next_attempt_at <= now + timedelta(hours=36)
    if fate.status is DeliveryStatus.EXPIRED:
        assert now - START >= MAX_AGE[priority]
