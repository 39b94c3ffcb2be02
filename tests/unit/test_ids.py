"""Ids sort in the order they were made, whatever the clock does, and no two are the same."""

from __future__ import annotations

import os
import re
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli import ids
from buildnet_cli.ids import new_id


@pytest.fixture(autouse=True)
def _forget_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ids, "_last", 0)


def test_an_id_is_its_prefix_and_26_unmistakable_characters() -> None:
    assert re.fullmatch(r"evt_[0-9abcdefghjkmnpqrstvwxyz]{26}", new_id("evt"))


def test_ids_sort_by_creation() -> None:
    made = [new_id("evt") for _ in range(2000)]
    assert made == sorted(made)
    assert len(set(made)) == len(made)


@given(st.lists(st.integers(0, 2**48 - 1), min_size=2, max_size=20))
def test_ids_sort_by_creation_even_when_the_clock_jumps(milliseconds: list[int]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ids, "_last", 0)
        readings = iter(milliseconds)
        patch.setattr(time, "time_ns", lambda: next(readings) * 1_000_000)
        made = [new_id("evt") for _ in milliseconds]
    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert all(len(each) == 30 for each in made)


def test_a_later_millisecond_sorts_later_whatever_the_random_part(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_000_000)
    monkeypatch.setattr(os, "urandom", lambda count: b"\xff" * count)
    first = new_id("evt")
    monkeypatch.setattr(time, "time_ns", lambda: 2_000_000)
    monkeypatch.setattr(os, "urandom", lambda count: b"\0" * count)
    assert first < new_id("evt")


def test_threads_at_once_make_different_ids_each_in_order() -> None:
    with ThreadPoolExecutor(8) as pool:
        batches = list(pool.map(lambda _: [new_id("dlv") for _ in range(500)], range(8)))
    assert all(batch == sorted(batch) for batch in batches)
    assert len({each for batch in batches for each in batch}) == 4000


def test_two_processes_of_the_same_millisecond_make_different_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time_ns", lambda: 1_700_000_000_000_000_000)
    made = set()
    for _ in range(1000):
        monkeypatch.setattr(ids, "_last", 0)
        made.add(new_id("evt"))
    assert len(made) == 1000
