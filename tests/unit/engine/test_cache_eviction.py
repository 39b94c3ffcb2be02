"""Which artifacts go, and when somebody hears that the cache fills up."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.local.artifacts import Artifact
from buildnet_cli.engine.local.eviction import CacheLimits, choose, is_filling
from buildnet_cli.engine.size import format_size
from tests.support.clocks import START

LIMITS = CacheLimits(size=1000, warn_percent=80, unused=timedelta(days=30))


def artifact(name: str, size: int = 100, *, unused_days: float = 0) -> Artifact:
    used = START - timedelta(days=unused_days)
    return Artifact(name, "api", size, 1, used, used)


def test_what_was_not_used_for_too_long_goes_even_if_there_is_room() -> None:
    eviction = choose([artifact("old", unused_days=31), artifact("new", unused_days=29)], LIMITS, START, ())
    assert [gone.hash for gone in eviction.expired] == ["old"]
    assert eviction.crowded == ()


def test_the_least_lately_used_go_until_there_is_some_room_again() -> None:
    eviction = choose([artifact(f"{days:02}", unused_days=days) for days in range(11)], LIMITS, START, ())
    assert [gone.hash for gone in eviction.crowded] == ["10", "09"]


def test_a_full_cache_is_not_too_full() -> None:
    assert choose([artifact(str(number)) for number in range(10)], LIMITS, START, ()).all == ()


def test_an_artifact_in_use_stays_whatever_happens() -> None:
    held = [artifact("old", unused_days=99), artifact("large", 5000, unused_days=9), artifact("free", unused_days=1)]
    eviction = choose(held, LIMITS, START, {"old", "large"})
    assert [gone.hash for gone in eviction.all] == ["free"]


@given(
    st.lists(st.tuples(st.integers(0, 400), st.floats(0, 60)), max_size=30),
    st.sets(st.integers(0, 29)),
)
def test_a_sweep_leaves_no_more_than_allowed_and_takes_no_more_than_needed(
    given_: list[tuple[int, float]], used: set[int]
) -> None:
    artifacts = [artifact(f"{number}", size, unused_days=days) for number, (size, days) in enumerate(given_)]
    in_use = {f"{number}" for number in used}
    eviction = choose(artifacts, LIMITS, START, in_use)
    gone = {each.hash for each in eviction.all}
    assert len(gone) == len(eviction.all)
    assert not gone & in_use
    left = [each for each in artifacts if each.hash not in gone]
    free = [each for each in left if each.hash not in in_use]
    assert sum(each.size for each in left) <= LIMITS.size or not free
    if eviction.crowded:
        size_before_last = sum(each.size for each in left) + eviction.crowded[-1].size
        assert size_before_last > LIMITS.size * 0.9


@pytest.mark.parametrize(
    ("size", "was", "expected"),
    [(799, False, False), (800, False, True), (799, True, True), (750, True, True), (749, True, False), (2000, False, True)],
)
def test_the_warning_stays_until_the_cache_is_well_below(size: int, was: bool, expected: bool) -> None:
    assert is_filling(size, LIMITS, was) is expected


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1,023 B"),
        (1024, "1 KB"),
        (4_404_019, "4.2 MB"),
        (5 << 30, "5 GB"),
        (123 << 20, "123 MB"),
        (9999 << 40, "9,999 TB"),
    ],
)
def test_a_size_reads_like_one(count: int, text: str) -> None:
    assert format_size(count) == text
