"""Every write on the way of an event, from the first start to a regular stop, is the last one once, or fails: nothing is lost."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.support import strace
from tests.support.agent import Project, wait_for
from tests.support.chance import IS_LONG, Tell
from tests.support.checker import check, must_add_up
from tests.support.lives import Agent, Lives, unhindered, until_settled
from tests.support.producer import Producer
from tests.support.provider import Provider

pytestmark = [pytest.mark.e2e, pytest.mark.needs_privilege]

STRIDE = 1 if IS_LONG else 16
"""From one write to the next that is tried."""

BEYOND_THE_START = 200
"""More writes of one sort than any thread makes before the agent serves."""


@pytest.fixture(autouse=True)
def _may_trace() -> None:
    if reason := strace.why_not():
        pytest.skip(reason)


def has_ended(agent: Agent) -> bool:
    return agent.poll() is not None


def stop(agent: Agent) -> None:
    """Ask the program that strace runs to end, as a service manager does; and wait until it has."""
    for pid in Path(f"/proc/{agent.pid}/task/{agent.pid}/children").read_text().split():
        os.kill(int(pid), signal.SIGTERM)
    wait_for(lambda: has_ended(agent), "it does not end")


def test_a_kill_at_any_write_of_a_start_an_acceptance_a_delivery_and_a_stop_loses_nothing(
    project: Project, lives: Lives, producer: Producer, standin: Provider, tell: Tell
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("written")}))
    number, was_killed = 1, True
    while was_killed:
        expected = len(standin.taken("written")) + 2  # that it has started, and what is handed in
        with lives.agent(until_ready=False, prefix=strace.kill_at(number)) as agent:
            wait_for(lambda: producer.emit() == 202 or has_ended(agent), "it neither accepts nor ends")
            wait_for(lambda: len(standin.taken("written")) >= expected or has_ended(agent), "nothing arrives")  # noqa: B023  (called at once)
            if not has_ended(agent):
                stop(agent)
            was_killed = agent.returncode == -signal.SIGKILL
        if producer.total:
            must_add_up(project)
        number += STRIDE
    lives.finish()
    kills = len(lives.starts) - 2  # the one that ended by itself, and the last
    found = check(producer, standin.taken("written"), starts=lives.starts)
    tell(f"{kills} kills, each {STRIDE} writes later; {producer.total} events accepted, {found.extra_copies} extra copies")
    found.must_be_clean(most_extra=kills)
    must_add_up(project)
    assert producer.total > 1, "the last of them came after an acceptance"


@pytest.mark.parametrize(
    ("calls", "error"), [("fdatasync", "EIO"), ("pwrite64", "EIO"), ("pwrite64", "ENOSPC")], ids=lambda value: value.lower()
)
def test_a_write_that_fails_is_refused_and_those_after_it_go_on(
    project: Project, lives: Lives, producer: Producer, standin: Provider, calls: str, error: str
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("failing")}))
    with lives.agent():
        assert producer.emit() == 202
    with lives.agent(prefix=strace.fail(calls, error, BEYOND_THE_START, BEYOND_THE_START + 12)) as agent:
        wait_for(lambda: producer.emit() in (503, 507), "nothing fails", within_secs=60)
        wait_for(lambda: producer.emit() == 202, "it does not accept again")
        until_settled(project)
        stop(agent)
    lives.finish()
    assert producer.refused.keys() <= {503, 507}
    check(producer, standin.taken("failing"), starts=lives.starts).must_be_clean(most_extra=sum(producer.refused.values()) + 1)
    must_add_up(project)
