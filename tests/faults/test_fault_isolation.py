"""One target of twenty is stopped, and the others are as fast as ever. It measures time: part of the long set alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import new_project, wait_for
from tests.support.chance import Tell
from tests.support.checker import check, delay_of
from tests.support.lives import Lives, unhindered
from tests.support.producer import TYPE, Producer
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e

TARGETS = 20
EVENTS = 40
ROUNDS = 11
PAUSE_SECS = 0.06


@dataclass
class Side:
    """An agent with so many targets. names: of all but the first. seen: how much of what they took has been looked at."""

    producer: Producer
    standin: Provider
    names: list[str]
    seen: int = 0

    def fresh(self) -> list[list[dict[str, Any]]]:
        """What each of them has taken since."""
        taken = (self.standin.taken(name) for name in self.names)
        return [[entry for entry in entries if entry["body"]["type"] == TYPE][self.seen :] for entries in taken]

    def nearly_slowest(self) -> float:
        """How long all but one in a hundred deliveries of this round took at most."""
        wait_for(lambda: min(map(len, self.fresh())) >= EVENTS, "the others wait")
        delays = [delay_of(entry) for entries in self.fresh() for entry in entries]
        self.seen += EVENTS
        return statistics.quantiles(delays, n=100)[98]


@contextmanager
def side(folder: Path, standin: Provider, prefix: str) -> Iterator[Side]:
    """Run one; its first target is called by the prefix and 0."""
    names = [f"{prefix}{number}" for number in range(TARGETS)]
    with new_project(folder) as project:
        project.configure(**unhindered(*({"name": name, "url": standin.hook(name), "timeout_secs": 60} for name in names)))
        with Lives(project).agent():
            yield Side(Producer(project), standin, names[1:])


def test_one_stopped_target_of_twenty_delays_no_other(tmp_path: Path, standin: Provider, tell: Tell) -> None:
    """Two agents at the same time, so that whatever else the machine does befalls both; in one of them a target is stopped."""
    standin.script("s0", *["hang"] * 100)
    with side(tmp_path / "well", standin, "w") as well, side(tmp_path / "stopped", standin, "s") as stopped:
        ratios = []
        for _ in range(ROUNDS):
            for _ in range(EVENTS):
                for each in (well, stopped):
                    assert each.producer.emit() == 202
                    time.sleep(PAUSE_SECS)
            ratios.append(stopped.nearly_slowest() / well.nearly_slowest())
        tell(f"p99 with one of {TARGETS} stopped / p99 without: {sorted(round(ratio, 2) for ratio in ratios)}")
        for each in (well, stopped):
            for name in each.names:
                check(each.producer, standin.taken(name)).must_be_clean()
    assert statistics.median(ratios) <= 1.1
