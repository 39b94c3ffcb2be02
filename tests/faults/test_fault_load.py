"""More comes in than can go out, from many at once: everything answered with a success is stored, in bounded memory."""

from __future__ import annotations

import time

import pytest

from tests.support.agent import Project
from tests.support.chance import IS_LONG, Tell
from tests.support.checker import must_add_up
from tests.support.flood import Flood, memory_mb, peak_memory_mb
from tests.support.lives import Lives, unhindered, until_settled
from tests.support.producer import TYPE
from tests.support.provider import Provider

pytestmark = pytest.mark.e2e

CLIENTS = 50
EVENTS = 100_000 if IS_LONG else 5_000
MOST_MB = 200

DELIVERED = 50_000 if IS_LONG else 3_000
WARMERS = 4
MOST_GROWTH_MB = 10


def test_a_flood_is_stored_in_bounded_memory_while_its_target_is_down(project: Project, lives: Lives, tell: Tell) -> None:
    project.configure(**unhindered({"name": "Down", "url": "http://127.0.0.1:9/nobody-listens"}))
    flood = Flood()
    with lives.agent() as agent:
        begun = time.monotonic()
        flood.pour(project, clients=CLIENTS, events=EVENTS)
        rate, peak = EVENTS / (time.monotonic() - begun), peak_memory_mb(agent.pid)
    tell(f"{len(flood.accepted)} events accepted from {CLIENTS} clients, {rate:.0f} a second, {peak:.0f} MB at most")
    stored = {id_ for (id_,) in project.rows(f"SELECT id FROM events WHERE type = '{TYPE}'")}
    assert flood.accepted == stored
    assert flood.refused.keys() <= {429, 503}
    assert peak <= MOST_MB
    must_add_up(project)


def test_rss_flat_50k(project: Project, lives: Lives, standin: Provider, tell: Tell) -> None:
    """What 50,000 delivered events leave behind lies on the disk, and not in memory."""
    project.configure(**unhindered({"name": "Team", "url": standin.hook("flat")}))
    flood = Flood()
    with lives.agent() as agent:
        flood.pour(project, clients=WARMERS, events=DELIVERED // 5)
        until_settled(project, within_secs=600)
        before = memory_mb(agent.pid)
        flood.pour(project, clients=WARMERS, events=DELIVERED)
        until_settled(project, within_secs=600)
        after = memory_mb(agent.pid)
    tell(f"{DELIVERED} events delivered: {before:.0f} MB before, {after:.0f} MB after")
    assert after - before <= MOST_GROWTH_MB
    must_add_up(project)
