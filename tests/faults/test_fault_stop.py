"""The agent is told to stop at random moments under load: it ends in time, and nothing is lost or sent twice."""

from __future__ import annotations

import random
import signal
import time

import pytest

from tests.support.agent import Project
from tests.support.chance import rounds
from tests.support.checker import check, must_add_up
from tests.support.lives import Lives, unhindered
from tests.support.producer import Producer
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e

STOP_WITHIN_SECS = 12.0


def test_stops_under_load_lose_and_repeat_nothing(
    project: Project, lives: Lives, producer: Producer, standin: Provider, chance: random.Random
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("stopped")}))
    with producer.running():
        for _ in rounds(20, 200, quick_secs=20):
            with lives.agent() as agent:
                time.sleep(chance.uniform(0, 0.5))
                agent.send_signal(signal.SIGTERM)
                assert agent.wait(STOP_WITHIN_SECS) == 0
    lives.finish()
    check(producer, standin.taken("stopped"), starts=lives.starts).must_be_clean()
    must_add_up(project)
    assert producer.total > len(lives.starts), "there was load"


def test_a_stop_does_not_wait_for_a_provider_that_hangs(
    project: Project, lives: Lives, producer: Producer, standin: Provider
) -> None:
    project.configure(**unhindered({"name": "Team", "url": standin.hook("hangs"), "timeout_secs": 60}))
    standin.script("hangs", "hang")
    with lives.agent() as agent:
        assert producer.emit() == 202
        agent.send_signal(signal.SIGTERM)
        assert agent.wait(STOP_WITHIN_SECS) == 0
    lives.finish()
    check(producer, standin.taken("hangs")).must_be_clean()
    must_add_up(project)
