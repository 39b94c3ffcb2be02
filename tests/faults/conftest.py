"""A project, and a provider's stand-in with a journal, for each test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project
from tests.support.faults import Provider, provider


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of one's own, with nothing in it."""
    with new_project(tmp_path) as fresh:
        yield fresh


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Provider]:
    """A provider."""
    with provider(tmp_path) as running:
        yield running
