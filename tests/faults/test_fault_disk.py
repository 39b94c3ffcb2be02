"""The disk is full: what is refused is said so, what was accepted is kept, and it goes on by itself when there is room again."""

from __future__ import annotations

import time

import pytest

from tests.support.agent import Project, wait_for
from tests.support.chance import rounds
from tests.support.checker import check, must_add_up
from tests.support.lives import Lives, unhindered, until_settled
from tests.support.producer import Producer
from tests.support.provider import Provider
from tests.support.small_disk import set_file_limit, small_disk

pytestmark = pytest.mark.e2e

GOES_ON_WITHIN_SECS = 10.0
DISK_MB = 16
TOO_LARGE_FOR_A_GAP = 20_000
"""Bytes of an event that fits into no room that files have kept."""


def until_it_goes_on(project: Project, producer: Producer) -> None:
    """Wait until the agent accepts and sends again. Raises AssertionError if that takes too long."""
    begun = time.monotonic()
    wait_for(lambda: producer.emit() == 202, "it does not accept again")
    until_settled(project)
    assert time.monotonic() - begun <= GOES_ON_WITHIN_SECS


@pytest.mark.needs_privilege
def test_a_full_disk_loses_nothing_and_needs_no_restart(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    producer.padding = TOO_LARGE_FOR_A_GAP
    project.state.mkdir(mode=0o700)
    with small_disk(project.state, DISK_MB) as disk:
        project.configure(**unhindered({"name": "Team", "url": standin.hook("full")}))
        with lives.agent() as agent:
            cycles = 0
            for _ in rounds(4, 20):
                assert producer.emit() == 202
                disk.fill()
                wait_for(lambda: producer.emit() == 507, "the disk is never full")
                assert "the disk is full" in producer.said[507]
                disk.free()
                until_it_goes_on(project, producer)
                cycles += 1
            assert agent.poll() is None, "it is the same agent"
        lives.finish()
        assert producer.refused.keys() == {507}
        check(producer, standin.taken("full"), starts=lives.starts).must_be_clean(most_extra=cycles)
        must_add_up(project)
        project.end()


def test_a_limit_on_files_loses_nothing_and_needs_no_restart(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    producer.padding = TOO_LARGE_FOR_A_GAP
    project.configure(**unhindered({"name": "Team", "url": standin.hook("limited")}))
    with lives.agent() as agent:
        cycles = 0
        for _ in rounds(3, 20):
            sizes = [(project.state / name).stat().st_size for name in ("notify.db", "notify.db-wal")]
            set_file_limit(agent.pid, max(sizes) + 300_000)
            wait_for(lambda: producer.emit() == 507, "the limit is never reached", within_secs=60)
            set_file_limit(agent.pid, None)
            until_it_goes_on(project, producer)
            cycles += 1
        assert agent.poll() is None, "it is the same agent"
    lives.finish()
    check(producer, standin.taken("limited"), starts=lives.starts).must_be_clean(most_extra=cycles)
    must_add_up(project)
