"""One target of twenty is stopped, and the others are as fast as ever. It measures time: part of the long set alone."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import new_project, wait_for
from tests.support.chance import Tell
from tests.support.checker import check, delay_of
from tests.support.lives import Lives, unhindered
from tests.support.producer import Producer
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e

TARGETS = 20
AT_ONCE = 60
PAIRS = 9


@contextmanager
def twenty_targets(folder: Path, standin: Provider, prefix: str) -> Iterator[tuple[Producer, list[str]]]:
    """An agent with so many targets; its producer, and the names of all but the first."""
    names = [f"{prefix}{number}" for number in range(TARGETS)]
    with new_project(folder) as project:
        project.configure(**unhindered(*({"name": name, "url": standin.hook(name), "timeout_secs": 60} for name in names)))
        with Lives(project).agent():
            yield Producer(project), names[1:]


def delays(producer: Producer, standin: Provider, names: list[str]) -> list[float]:
    """How long deliveries to these targets took, of a few seconds of load."""
    before = {name: len(standin.taken(name)) for name in names}
    for _ in range(AT_ONCE):
        assert producer.emit() == 202
        time.sleep(0.05)

    def fresh() -> list[list[dict[str, Any]]]:
        return [standin.taken(name)[before[name] :] for name in names]

    wait_for(lambda: min(map(len, fresh())) >= AT_ONCE, "the others wait")
    return [delay_of(entry) for entries in fresh() for entry in entries]


def test_one_stopped_target_of_twenty_delays_no_other(tmp_path: Path, standin: Provider, tell: Tell) -> None:
    with (
        twenty_targets(tmp_path / "well", standin, "w") as (well, all_but_one),
        twenty_targets(tmp_path / "stopped", standin, "s") as (stopped, others),
    ):
        standin.script("s0", *["hang"] * 100)
        ratios = []
        for _ in range(PAIRS):
            usual = statistics.quantiles(delays(well, standin, all_but_one), n=100)[98]
            ratios.append(statistics.quantiles(delays(stopped, standin, others), n=100)[98] / usual)
        tell(f"p99 with one of {TARGETS} stopped / p99 without: {sorted(round(ratio, 2) for ratio in ratios)}")
        for producer, names in ((well, all_but_one), (stopped, others)):
            for name in names:
                check(producer, standin.taken(name)).must_be_clean()
    assert statistics.median(ratios) <= 1.1
