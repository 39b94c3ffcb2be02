"""The disk is full, or somebody else has the database: what is refused is said so, what was accepted is kept, and it goes on."""

from __future__ import annotations

import resource
import sqlite3
import time
from contextlib import closing

import pytest

from tests.support.agent import Project, wait_for
from tests.support.faults import Producer, Provider, check, conservation, unhindered

pytestmark = pytest.mark.e2e

GOES_ON_WITHIN_SECS = 10.0
ROUNDS = 3


def set_file_limit(pid: int, size: int) -> None:
    """Let no file of a process grow beyond a size: to a program that is a full disk. It may be raised again."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_a_full_disk_loses_nothing_and_needs_no_restart(project: Project, standin: Provider) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("full")}))
    pid, producer = project.start(), Producer(project, padding=20_000)
    for _ in range(ROUNDS):
        database = project.state / "notify.db"
        wal = project.state / "notify.db-wal"
        set_file_limit(pid, max(database.stat().st_size, wal.stat().st_size) + 300_000)
        wait_for(lambda: producer.emit() != 202, "the disk is never full", within_secs=60)
        assert producer.refused.keys() == {507}
        set_file_limit(pid, resource.RLIM_INFINITY)
        begun = time.monotonic()
        wait_for(lambda: producer.emit() == 202, "it does not accept again")
        wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "it does not send again")
        assert time.monotonic() - begun <= GOES_ON_WITHIN_SECS
    check(producer, standin.taken("full")).must_be_clean(most_extra=ROUNDS)
    accepted, counted = conservation(project)
    assert accepted == counted
    assert project.status()["pid"] == pid


def test_a_database_that_somebody_else_keeps_locked_loses_nothing(project: Project, standin: Provider) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("locked")}))
    pid, producer = project.start(), Producer(project)
    assert producer.emit() == 202
    with closing(sqlite3.connect(project.state / "notify.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        assert producer.emit() == 507, "it says that it accepts nothing"
        assert producer.emit() == 507
        other.execute("ROLLBACK")
    wait_for(lambda: producer.emit() == 202, "it does not accept again")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "it does not send again")
    check(producer, standin.taken("locked")).must_be_clean(most_extra=1)
    accepted, counted = conservation(project)
    assert accepted == counted
    assert project.status()["pid"] == pid
