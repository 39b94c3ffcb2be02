"""The key of a result: the same for the same, another for anything else."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.local.key import Parts, read_parts

PARTS = Parts(
    platform="Linux-x86_64",
    package="api",
    path="packages/api",
    command="make",
    micro_command="",
    outputs=("packages/api/dist",),
    inputs={"a.c": "f:1", "b.c": "x:2"},
    manifests={"package.json": "f:3"},
    dependencies={"lib": "4"},
    environment={"NODE_ENV": "5"},
    toolchain={"gcc --version": "6"},
)

MAPPINGS = st.dictionaries(st.text(max_size=8), st.text(max_size=8), max_size=4)


def test_a_key_does_not_change_from_one_version_to_the_next() -> None:
    assert PARTS.key == "605b1d44450cc9c4d7a6fbfca0dd27d8f76a357940516520190bcd69caa92c9a"


def test_the_order_of_files_makes_no_difference() -> None:
    assert dataclasses.replace(PARTS, inputs=dict(reversed(PARTS.inputs.items()))).key == PARTS.key


@pytest.mark.parametrize(
    "change",
    [
        {"platform": "Linux-aarch64"},
        {"package": "ui"},
        {"path": "api"},
        {"command": "make all"},
        {"micro_command": "make some"},
        {"outputs": ("dist",)},
        {"outputs": ()},
        {"inputs": {"a.c": "f:1"}},
        {"inputs": {"a.c": "x:1", "b.c": "x:2"}},
        {"inputs": {"b.c": "f:1", "a.c": "x:2"}},
        {"inputs": {"a.c": "f:1", "b.d": "x:2"}},
        {"manifests": {}},
        {"dependencies": {"lib": "5"}},
        {"environment": {"NODE_ENV": ""}},
        {"toolchain": {"gcc --version": "7"}},
    ],
)
def test_everything_else_does(change: dict[str, object]) -> None:
    assert dataclasses.replace(PARTS, **change).key != PARTS.key  # type: ignore[arg-type]  # as replace() has it


@given(MAPPINGS, MAPPINGS, st.lists(st.text(max_size=8), max_size=3))
def test_parts_are_read_as_they_were_written(inputs: dict[str, str], environment: dict[str, str], outputs: list[str]) -> None:
    parts = dataclasses.replace(PARTS, inputs=inputs, environment=environment, outputs=tuple(outputs))
    assert read_parts(parts.as_text()) == parts
    assert read_parts(parts.as_text()).key == parts.key


@given(MAPPINGS, MAPPINGS)
def test_two_keys_are_equal_only_for_equal_inputs(one: dict[str, str], other: dict[str, str]) -> None:
    keys = [dataclasses.replace(PARTS, inputs=inputs).key for inputs in (one, other)]
    assert (keys[0] == keys[1]) == (one == other)
