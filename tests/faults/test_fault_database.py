"""Somebody else has the database, or harms its files under a running agent: nothing is accepted that is not kept."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.agent import Project, wait_for
from tests.support.checker import check, must_add_up
from tests.support.lives import Lives, unhindered, until_settled
from tests.support.producer import Producer
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e


def overwrite_header(database: Path) -> None:
    with database.open("r+b") as file:
        file.write(b"no database" * 10)


def overwrite_page(database: Path) -> None:
    with database.open("r+b") as file:
        file.seek(5 * 4096)
        file.write(b"\xa5" * 4096)


def cut_in_half(database: Path) -> None:
    os.truncate(database, database.stat().st_size // 2)


def empty(database: Path) -> None:
    os.truncate(database, 0)


def remove(database: Path) -> None:
    database.unlink()


def remove_all(database: Path) -> None:
    """As a thorough `git clean` does."""
    for path in database.parent.glob("notify.db*"):
        path.unlink()


def test_a_database_that_somebody_else_keeps_locked_loses_nothing(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("locked")}))
    with lives.agent() as agent:
        assert producer.emit() == 202
        with closing(sqlite3.connect(project.state / "notify.db", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            assert producer.emit() == 507, "it accepts nothing"
            assert "locked" in producer.said[507]
            other.execute("ROLLBACK")
        wait_for(lambda: producer.emit() == 202, "it does not accept again")
        until_settled(project)
        assert agent.poll() is None, "it is the same agent"
    check(producer, standin.taken("locked"), starts=lives.starts).must_be_clean(most_extra=1)
    must_add_up(project)


@pytest.mark.parametrize("harm", [overwrite_header, overwrite_page, cut_in_half, empty])
def test_a_file_that_is_harmed_under_a_running_agent_loses_nothing_that_it_accepts(
    project: Project, lives: Lives, producer: Producer, standin: Provider, harm: Callable[[Path], None]
) -> None:
    """What the agent has written lately is in the write-ahead log, whatever becomes of the file."""
    project.configure(**unhindered({"name": "Team", "url": standin.hook("harmed")}))
    with lives.agent():
        until_settled(project)
        standin.script("harmed", *[503] * 100)
        for _ in range(10):
            assert producer.emit() == 202
        harm(project.state / "notify.db")
        for _ in range(10):
            assert producer.emit() in (202, 507)
    project.call("history", "events")  # to look, while no agent runs, does no further harm
    with lives.agent():
        standin.script("harmed")
    lives.finish()
    check(producer, standin.taken("harmed"), starts=lives.starts).must_be_clean()
    must_add_up(project)


@pytest.mark.parametrize("harm", [remove, remove_all])
def test_files_that_are_removed_under_a_running_agent_are_missed_at_once(
    project: Project, lives: Lives, producer: Producer, standin: Provider, harm: Callable[[Path], None]
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("removed")}))
    with lives.agent():
        assert producer.emit() == 202
        until_settled(project)
        harm(project.state / "notify.db")
        assert producer.emit() == 507, "what it would accept now is gone when it ends"
        refused = project.call("emit", "custom.fault", "-m", "nowhere to keep it")
        assert refused.code != 0
        assert "notify.db" in refused.err
        assert "agent restart" in refused.err
    lives.finish()
    assert producer.emit() == 0
    check(producer, standin.taken("removed"), starts=lives.starts).must_be_clean()
