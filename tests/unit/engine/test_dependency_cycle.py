from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.project_check import find_cycle


@pytest.mark.parametrize(
    ("dependencies", "cycle"),
    [
        ({"a": ("b",), "b": ("a",)}, "a -> b -> a"),
        ({"a": ("a",)}, "a -> a"),
        ({"a": ("b",), "b": ("c",), "c": ("d",), "d": ("b",)}, "b -> c -> d -> b"),
        ({"a": ("b",), "b": ("c",), "c": ("a",)}, "a -> b -> c -> a"),
        ({"a": ("b", "c"), "b": ("c",), "c": ()}, ""),
        ({"a": ("unknown",)}, ""),
    ],
)
def test_a_circle_is_told_from_its_first_package_in_the_order_of_dependence(dependencies: dict[str, tuple[str, ...]], cycle: str):
    assert " -> ".join(find_cycle(dependencies)) == cycle


@given(st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdef")).map(tuple)))
def test_each_step_of_a_circle_is_a_dependency(dependencies: dict[str, tuple[str, ...]]):
    circle = find_cycle(dependencies)
    assert all(after in dependencies[before] for before, after in itertools.pairwise(circle))
    assert not circle or circle[0] == circle[-1]
