"""What holds for any configuration and any stream of events: explained as decided, remembered alike, nothing lost."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlite_utils
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildnet_cli.delivery.intake import Incoming
from buildnet_cli.delivery.model import DeliveryStatus
from buildnet_cli.delivery.router import Router
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Decision
from buildnet_cli.routing.explain import explain
from buildnet_cli.routing.pipeline import decide
from buildnet_cli.routing.rules import Rules
from buildnet_cli.routing.state import State
from buildnet_cli.store import deliveries
from buildnet_cli.store.intake import accept_all, release
from buildnet_cli.store.memory import StoredMemory
from tests.support.clocks import START
from tests.support.routing import rules_of, told
from tests.support.stores import memory_database

TYPES = ["build.failed", "build.completed", "build.started", "resource.cpu.warning", "resource.cpu.high", "resource.cpu.normal"]
TYPES += ["daemon.stopped", "daemon.started", "custom.note", "channel.failing"]

priority_rules = st.fixed_dictionaries({"delay_secs": st.sampled_from([0, 0, 5, 60])})
quiet = st.fixed_dictionaries(
    {
        "start": st.sampled_from(["11:00", "12:01"]),
        "end": st.sampled_from(["12:02", "13:00", "03:00"]),
        "action": st.sampled_from(["hold", "drop"]),
    }
)
configured = st.fixed_dictionaries(
    {
        "dedup_window_secs": st.sampled_from([0, 10, 300]),
        "rate_limit": st.fixed_dictionaries(
            {
                "max_per_minute": st.integers(1, 6),
                "max_per_hour": st.integers(1, 20),
                "critical_per_minute": st.integers(1, 3),
                "global": st.fixed_dictionaries({"max_per_minute": st.sampled_from([0, 0, 4])}),
            }
        ),
        "batch_max": st.integers(1, 4),
        "priorities": st.fixed_dictionaries({}, optional=dict.fromkeys(["low", "medium", "high"], priority_rules)),
    },
    optional={"quiet_hours": quiet},
)
hooks = st.lists(
    st.sampled_from(["*", "build.*", "*.failed", "*.critical", "resource.cpu.high"]), min_size=1, max_size=3, unique=True
).map(lambda patterns: [{"name": f"hook{number}", "events": [pattern]} for number, pattern in enumerate(patterns)])
streams = st.lists(
    st.tuples(
        st.sampled_from(TYPES),
        st.sampled_from(["api", "ui"]),
        st.sampled_from([None, "low", "high", "critical"]),
        st.sampled_from([0, 1, 20, 70]),
    ),
    max_size=25,
)


def events_of(stream: list[tuple[str, str, str | None, int]]) -> list[tuple[datetime, Event]]:
    """The stream as events, each so many seconds after the one before."""
    now, events = START, []
    for number, (type_, subject, priority, gap) in enumerate(stream):
        now += timedelta(seconds=gap)
        events.append((now, told(type_, subject, at=now, priority=priority, id=f"build_{number}")))
    return events


def seen(decisions: list[Decision]) -> list[Any]:
    return [(each.target, each.action, each.until, each.reasons, each.repeats) for each in decisions]


@settings(max_examples=60, deadline=None)
@given(configured, hooks, streams)
def test_explain_equals_actual(given_settings: dict[str, Any], webhooks: list[dict[str, Any]], stream: list[Any]) -> None:
    """Explaining an event says what deciding it did, and the two kinds of memory decide alike."""
    rules = rules_of(given_settings, *webhooks)
    state, db = State(), memory_database()
    for now, event in events_of(stream):
        explained = {each.target: each for each in explain(event, rules, StoredMemory(db), now)}
        decisions = decide(event, rules, state, now)
        assert decisions == decide(event, rules, state, now)
        (stored,) = accept_all(db, [Incoming(event)], Router(rules), now)
        state = state.after(event, decisions, rules, now)
        assert [(each.target, each.reasons) for each in stored.deliveries] == [(each.target, each.reasons) for each in decisions]
        for decision in decisions:
            said = explained[decision.target]
            assert (said.action, said.until, said.reasons) == (decision.action, decision.until, decision.reasons)
        assert all(each.action is None for target, each in explained.items() if target not in {d.target for d in decisions})


@settings(max_examples=40, deadline=None)
@given(configured, hooks, streams)
def test_many_together_are_decided_as_one_after_the_other(
    given_settings: dict[str, Any], webhooks: list[dict[str, Any]], stream: list[Any]
) -> None:
    rules, together, alone = rules_of(given_settings, *webhooks), memory_database(), memory_database()
    # Each of them a second time: it is the first again.
    given = [Incoming(event, event.id) for _, event in events_of(stream) for _ in range(2)]
    many = accept_all(together, given, Router(rules), START)
    single = [stored for each in given for stored in accept_all(alone, [each], Router(rules), START)]
    for one, other in zip(many, single, strict=True):
        assert (one.event, one.unheard) == (other.event, other.unheard)
        assert [(each.target, each.status, each.reason) for each in one.deliveries] == [
            (each.target, each.status, each.reason) for each in other.deliveries
        ]
    unheard = "SELECT id, unheard, key FROM events ORDER BY seq"
    assert together.execute(unheard).fetchall() == alone.execute(unheard).fetchall()
    check(together)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(configured, hooks, streams)
def test_storm_sum_equals(given_settings: dict[str, Any], webhooks: list[dict[str, Any]], stream: list[Any]) -> None:
    """Held, sent and suppressed are what was accepted; in the end nothing is held that is not told in a digest."""
    rules, db = rules_of(given_settings, *webhooks), memory_database()
    router = Router(rules)
    now = START
    for now, event in events_of(stream):
        release(db, router, now)
        accept_all(db, [Incoming(event)], router, now)
        check(db)
    for _ in range(200):
        now += timedelta(minutes=10)
        release(db, router, now)
        check(db)
    waiting = "SELECT count(*) FROM deliveries WHERE status = 'held' AND folded_into IS NULL"
    assert db.execute(waiting).fetchone() == (0,)
    in_no_digest = """SELECT count(*) FROM deliveries WHERE folded_into IS NOT NULL
        AND folded_into NOT IN (SELECT id FROM deliveries WHERE status = 'pending')"""
    assert db.execute(in_no_digest).fetchone() == (0,)
    assert_within_limits(db, rules)


def check(db: sqlite_utils.Database) -> None:
    conservation = deliveries.conservation(db)
    assert conservation.difference == 0
    assert sum(conservation.counts[each] for each in (DeliveryStatus.EXPIRED, DeliveryStatus.DEAD)) == 0


def assert_within_limits(db: sqlite_utils.Database, rules: Rules) -> None:
    """No window of a target's budget holds more than its limit."""
    limit = rules.limits.each[0]
    sql = "SELECT channel || recipient, at FROM slots WHERE lane = 'ordinary' AND recipient <> '*' ORDER BY 1, n"
    sent: dict[str, list[datetime]] = {}
    for whose, at in db.execute(sql):
        sent.setdefault(whose, []).append(datetime.fromisoformat(at))
    for times in sent.values():
        for first, last in zip(times, times[limit.most :], strict=False):
            assert last - first >= limit.window


def test_storm_1000_sum_equals() -> None:
    """A thousand events in ten seconds: at most ten messages in any minute, and each event is in exactly one of them."""
    rules, db = rules_of({}), memory_database()
    router, now = Router(rules), START
    for number in range(1000):
        now = START + timedelta(milliseconds=number * 10)
        accept_all(db, [Incoming(told("custom.a", f"s{number}", at=now))], router, now)
    for _ in range(30):
        now += timedelta(seconds=20)
        release(db, router, now)
    check(db)
    assert_within_limits(db, rules)
    digests = db.execute("SELECT coalesce(sum(payload ->> 'events'), 0) FROM events WHERE type GLOB 'digest.*'").fetchone()[0]
    sql = "SELECT count(*) FROM deliveries JOIN events ON events.id = event_id WHERE status = 'pending' AND type = 'custom.a'"
    alone = db.execute(sql).fetchone()[0]
    assert (alone, digests) == (9, 991)
