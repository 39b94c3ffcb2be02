"""The agent is killed, and told to stop, at random moments under load. What it accepted arrives all the same, in order."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.agent import Project, is_alive, wait_for
from tests.support.faults import SECONDS, Producer, Provider, check, conservation, new_random, unhindered

pytestmark = pytest.mark.e2e

IN_FLIGHT = 1
"""Sends to one target that a kill can break off."""
STOP_WITHIN_SECS = 12.0


def until_everything_is_settled(project: Project) -> None:
    """Start a last agent that is not disturbed, and wait until it has nothing more to do."""
    project.make_due()
    project.start()
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending", within_secs=60)


def test_kills_at_random_moments_lose_nothing(project: Project, standin: Provider) -> None:
    chance, producer, kills = new_random(), Producer(project), 0
    project.configure(**unhindered({"name": "Team", "url": standin.hook("killed")}))
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        pid = project.start()
        with producer.running():
            standin.script("killed", *(503 if chance.random() < 0.03 else 200 for _ in range(200)))
            time.sleep(chance.uniform(0, 0.6))
            project.kill(pid)
        kills += 1
    standin.script("killed")
    until_everything_is_settled(project)
    check(producer, standin.taken("killed")).must_be_clean(most_extra=kills * IN_FLIGHT)
    accepted, counted = conservation(project)
    assert accepted == counted
    assert producer.total > kills, "there was load"
    assert set(project.rows("SELECT DISTINCT status FROM deliveries")) == {("delivered",)}


def test_stops_under_load_lose_and_repeat_nothing(project: Project, standin: Provider) -> None:
    chance, producer, slowest = new_random(), Producer(project), 0.0
    project.configure(**unhindered({"name": "Team", "url": standin.hook("stopped")}))
    deadline = time.monotonic() + SECONDS / 2
    while time.monotonic() < deadline:
        pid = project.start()
        with producer.running():
            time.sleep(chance.uniform(0, 0.6))
            begun = time.monotonic()
            os.kill(pid, signal.SIGTERM)
            wait_for(lambda: not is_alive(pid), "it does not end")  # noqa: B023  (called at once)
            slowest = max(slowest, time.monotonic() - begun)
    until_everything_is_settled(project)
    check(producer, standin.taken("stopped")).must_be_clean()
    assert slowest <= STOP_WITHIN_SECS
    accepted, counted = conservation(project)
    assert accepted == counted
