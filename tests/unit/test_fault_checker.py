"""The checker of the fault tests names what is wrong; one that finds nothing would prove nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Any, cast

import pytest

from tests.support.agent import Project
from tests.support.checker import check
from tests.support.producer import Producer


def producer(**accepted: list[str]) -> Producer:
    made = Producer(cast(Project, None))
    made.accepted.update(accepted)
    return made


def taken(*ids: str, delay_secs: int = 1, delivery: str = "") -> list[dict[str, Any]]:
    return [
        {
            "number": number,
            "received_at": f"2024-01-26T12:00:{delay_secs:02}.000Z",
            "headers": {"webhook-id": delivery or f"dlv_{id_}"},
            "body": {"id": id_, "type": "custom.fault", "timestamp": "2024-01-26T12:00:00.000Z"},
        }
        for number, id_ in enumerate(ids, 1)
    ]


def test_nothing_is_wrong_with_what_arrived_once_and_in_order() -> None:
    check(producer(a=["1", "3"], b=["2"]), taken("2", "1", "3"), latest_secs=5).must_be_clean()


def test_what_is_missing_is_lost() -> None:
    findings = check(producer(a=["1", "2"]), taken("2"))
    assert findings.lost == ["1"]
    with pytest.raises(AssertionError, match="lost"):
        findings.must_be_clean()


def test_extra_copies_are_counted_and_wrong_beyond_their_bound() -> None:
    findings = check(producer(a=["1", "2"]), taken("1", "1", "1", "2"))
    assert findings.duplicated == {"1": 2}
    findings.must_be_clean(most_extra=2)
    with pytest.raises(AssertionError, match="duplicated"):
        findings.must_be_clean(most_extra=1)


def test_order_is_that_of_the_first_copies_within_a_subject() -> None:
    assert check(producer(a=["1", "2"]), taken("2", "1")).reordered == [("1", "2")]
    assert check(producer(a=["1", "2"]), taken("1", "2", "1")).reordered == []
    assert check(producer(a=["1"], b=["2"]), taken("2", "1")).reordered == []


def test_what_comes_too_late_is_late() -> None:
    assert check(producer(a=["1"]), taken("1", delay_secs=9), latest_secs=5).late == [("1", 9.0)]


def test_what_nobody_handed_in_is_unexpected_unless_its_answer_was_lost() -> None:
    somebody = producer(a=["1"])
    somebody.unclear.add("2")
    assert check(somebody, taken("1", "2", "3")).unexpected == ["3"]


def test_copies_of_one_agent_are_told_from_those_of_two() -> None:
    starts = [datetime.fromisoformat(f"2024-01-26T12:00:{secs}Z") for secs in ("00", "05")]
    copies = [*taken("1"), *taken("1", delay_secs=6)]
    assert check(producer(a=["1"]), copies, starts=starts).repeated == []
    assert check(producer(a=["1"]), [*copies, *taken("1", delay_secs=7)], starts=starts).repeated == ["1"]


def test_one_event_under_two_delivery_ids_is_renamed() -> None:
    twice = [*taken("1"), *taken("1", delivery="dlv_other")]
    assert check(producer(a=["1"]), twice).renamed == ["1"]
