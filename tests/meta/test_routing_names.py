"""Every acceptance name of the routing suite is borne by a test, and every trap that is known has tests that show it."""

from __future__ import annotations

import functools
import re
from pathlib import Path
from typing import Any

import yaml

TESTS = Path(__file__).parents[1]

MAY_WAIT = {
    "hysteresis_walk",
    "jump_to_critical",
    "nan_not_recovery",
    "suspend_resume",
    "ratio_floor",
    "flapping_one_start_one_stop",
    "ack_cancels_queued",
    "stale_timer_noop",
}
"""The most that may wait. A name leaves this set when its part arrives; none is ever added."""

NAMES = 38


@functools.cache
def listed() -> dict[str, Any]:
    return dict(yaml.safe_load((TESTS / "data" / "routing_names.yaml").read_text()))


@functools.cache
def borne() -> frozenset[str]:
    files = [path.read_text() for path in TESTS.rglob("test_*.py")]
    return frozenset(name for text in files for name in re.findall(r"^(?:async )?def test_(\w+)\(", text, re.MULTILINE))


def bears(name: str) -> bool:
    return any(test == name or test.startswith(f"{name}_") for test in borne())


def test_every_name_is_borne_or_waits_for_a_reason() -> None:
    waiting = listed()["waiting"]
    assert [name for name in listed()["names"] if bears(name) == (name in waiting)] == []
    assert all(waiting.values())


def test_the_list_of_names_that_wait_only_shrinks() -> None:
    assert listed()["waiting"].keys() <= MAY_WAIT & set(listed()["names"])
    assert len(set(listed()["names"])) == NAMES


def test_every_trap_has_tests_that_show_it() -> None:
    assert {trap: missing for trap, names in listed()["traps"].items() if (missing := [n for n in names if not bears(n)])} == {}
    assert all(listed()["traps"].values())
