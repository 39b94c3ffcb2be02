"""A project, its agents, a producer that knows what was accepted, and a provider with a journal, for each test."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project
from tests.support.chance import IS_LONG, Tell, new_random, seed
from tests.support.lives import Lives
from tests.support.producer import Producer
from tests.support.provider import Provider, provider

# It measures time, which cannot be asked of a machine that does much else.
collect_ignore = [] if IS_LONG else ["test_fault_isolation.py"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of one's own, with nothing in it."""
    with new_project(tmp_path) as fresh:
        yield fresh


@pytest.fixture
def lives(project: Project) -> Lives:
    """The agents of the project."""
    return Lives(project)


@pytest.fixture
def producer(project: Project) -> Producer:
    """Somebody who hands in events."""
    return Producer(project)


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Provider]:
    """A provider."""
    with provider(tmp_path) as running:
        yield running


@pytest.fixture
def chance() -> random.Random:
    """Chance that can be had again."""
    return new_random()


@pytest.fixture
def tell(record_property: Callable[[str, object], None]) -> Tell:
    """Say in numbers what the test did."""
    return lambda sentence: record_property("told", sentence)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for kind in ("passed", "failed") for report in terminalreporter.stats.get(kind, [])]
    told = [(report, value) for report in reports for name, value in report.user_properties if name == "told"]
    if told:
        terminalreporter.section(f"what the fault tests did, with seed {seed()}")
        for report, sentence in told:
            terminalreporter.line(f"{report.nodeid.partition('::')[2]}: {sentence}")
