"""Projects for end-to-end tests: one for each test, or one with a running agent for a whole file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project, webhook
from tests.support.http_inbox import HttpInbox, http_inbox


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project of one's own, with nothing in it."""
    with new_project(tmp_path) as fresh:
        yield fresh


@pytest.fixture(scope="session")
def inbox() -> Iterator[HttpInbox]:
    """A local HTTP server that takes what is sent to it."""
    with http_inbox() as running:
        yield running


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox, request: pytest.FixtureRequest) -> Iterator[Project]:
    """A project with an agent, the same for a whole file; what it tells goes to the hook of the file's name."""
    with new_project(tmp_path_factory.mktemp("running")) as shared:
        shared.configure(**webhook(inbox.hook(request.module.__name__)))
        shared.packages(good="echo fine", bad="echo 'main.c:3:5: error: no such thing' >&2; exit 1", slow="sleep 60")
        shared.start()
        yield shared
