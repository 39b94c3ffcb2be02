"""The agent is killed at random moments under load: what it accepted arrives all the same, in order, and hardly ever twice."""

from __future__ import annotations

import random
import time

import pytest

from tests.support.agent import Project
from tests.support.chance import Tell, rounds
from tests.support.checker import check, must_add_up
from tests.support.lives import Lives, unhindered
from tests.support.producer import Producer
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e

IN_FLIGHT = 1
"""Sends to one target that a kill can break off."""

EARLY = 0.2
"""The share of agents that are killed before they serve."""


def test_crash_no_loss_100pts(
    project: Project, lives: Lives, producer: Producer, standin: Provider, chance: random.Random, tell: Tell
) -> None:
    """At about 100 random moments, as many as a minute holds; at 1,000 in the long run."""
    project.configure(**unhindered({"name": "Team", "url": standin.hook("killed")}))
    with producer.running():
        for _ in rounds(200, 1000, quick_secs=60):
            standin.script("killed", *(503 if chance.random() < 0.03 else 200 for _ in range(200)))
            is_early = chance.random() < EARLY
            with lives.agent(until_ready=not is_early):
                time.sleep(chance.uniform(0, 0.35))
    standin.script("killed")
    lives.finish(within_secs=120)
    kills = len(lives.starts) - 1
    found = check(producer, standin.taken("killed"), starts=lives.starts)
    tell(f"{kills} kills, {producer.total} events accepted, {found.extra_copies} extra copies")
    found.must_be_clean(most_extra=kills * IN_FLIGHT)
    must_add_up(project)
    assert producer.total > kills, "there was load"
    assert set(project.rows("SELECT DISTINCT status FROM deliveries")) == {("delivered",)}
