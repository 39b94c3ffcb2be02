"""Priorities compare by rank, and are written by name."""

from __future__ import annotations

import itertools
import json

import pytest

from buildnet_cli.events.priority import Priority


def test_priorities_rise_from_low_to_critical() -> None:
    assert [priority.value for priority in sorted(Priority, key=lambda each: each.rank)] == ["low", "medium", "high", "critical"]


@pytest.mark.parametrize(("one", "other"), list(itertools.product(Priority, Priority)))
def test_at_least_follows_the_rank(one: Priority, other: Priority) -> None:
    assert one.is_at_least(other) is (one.rank >= other.rank)


def test_a_priority_is_its_name_in_json() -> None:
    assert json.dumps([Priority.HIGH]) == '["high"]'
