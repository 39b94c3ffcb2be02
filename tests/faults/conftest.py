"""A project, its agents, a producer that knows what was accepted, and a provider with a journal, for each test."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project
from tests.support.chance import new_random
from tests.support.lives import Lives
from tests.support.producer import Producer
from tests.support.provider import Provider, provider


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
