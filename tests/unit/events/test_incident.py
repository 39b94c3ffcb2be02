"""Problems open, go on and close, one per family and subject; each event does at most one of these."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.events.catalog import CATALOG, Turn
from buildnet_cli.events.incident import Incident, IncidentKey, Transition, advance, key_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority

START = datetime(2024, 1, 26, 12, tzinfo=UTC)

TYPES = st.sampled_from([*CATALOG, "custom.deploy.failed", "unknown.type"])
HISTORIES = st.lists(st.tuples(TYPES, st.sampled_from(["api", "ui", ""])), max_size=30)


def event(event_type: str, subject: str = "api", number: int = 0) -> Event:
    return Event(f"evt_{number}", event_type, Priority.MEDIUM, "", subject, "test", START + timedelta(seconds=number), {})


def play(history: list[tuple[str, str]]) -> tuple[Mapping[IncidentKey, Incident], list[Transition]]:
    incidents: Mapping[IncidentKey, Incident] = {}
    transitions = []
    for number, (event_type, subject) in enumerate(history):
        incidents, transition = advance(incidents, event(event_type, subject, number))
        transitions.append(transition)
    return incidents, transitions


@given(HISTORIES)
def test_an_event_opens_continues_or_closes_one_incident_at_most(history: list[tuple[str, str]]) -> None:
    _, transitions = play(history)
    for each in transitions:
        assert sum(part is not None for part in (each.opened, each.continued, each.closed)) <= 1


@given(HISTORIES)
def test_what_is_open_is_what_was_opened_and_not_closed(history: list[tuple[str, str]]) -> None:
    incidents, transitions = play(history)
    opened = sum(each.opened is not None for each in transitions)
    closed = sum(each.closed is not None for each in transitions)
    assert len(incidents) == opened - closed


@given(HISTORIES)
def test_an_incident_counts_its_problems_since_the_last_recovery(history: list[tuple[str, str]]) -> None:
    incidents, _ = play(history)
    for key, incident in incidents.items():
        turns = [
            (number, event_type, CATALOG[event_type].turn)
            for number, (event_type, subject) in enumerate(history)
            if event_type in CATALOG and (CATALOG[event_type].family, subject) == (key.family, key.subject)
        ]
        last_close = max((number for number, _, turn in turns if turn is Turn.CLOSES), default=-1)
        since = [(number, event_type) for number, event_type, _ in turns if number > last_close]
        assert incident.count == len(since)
        assert incident.opened_by == f"evt_{since[0][0]}"
        assert incident.opened_at == START + timedelta(seconds=since[0][0])
        assert incident.last_type == since[-1][1]


@given(HISTORIES, TYPES)
def test_another_subject_is_never_touched(history: list[tuple[str, str]], event_type: str) -> None:
    before, _ = play(history)
    after, _ = advance(before, event(event_type, "somewhere else", 99))
    assert {key: after[key] for key in before} == before


@given(HISTORIES, TYPES)
def test_the_mapping_handed_in_is_not_changed(history: list[tuple[str, str]], event_type: str) -> None:
    before, _ = play(history)
    copy = dict(before)
    advance(before, event(event_type))
    assert before == copy


@pytest.mark.parametrize("name", [name for name, entry in CATALOG.items() if entry.turn is Turn.OPENS])
def test_every_problem_can_be_ended_by_every_recovery_of_its_family(name: str) -> None:
    family = CATALOG[name].family
    recoveries = [entry.name for entry in CATALOG.values() if entry.family == family and entry.turn is Turn.CLOSES]
    assert recoveries
    for recovery in recoveries:
        incidents, first = advance({}, event(name, number=1))
        incidents, second = advance(incidents, event(recovery, number=2))
        assert first.opened is not None
        assert second.closed == first.opened
        assert incidents == {}


def test_a_worse_state_goes_on_with_the_same_incident() -> None:
    incidents, transitions = play(
        [("resource.cpu.warning", "host"), ("resource.cpu.high", "host"), ("resource.cpu.warning", "host")]
    )
    assert transitions[0].opened is not None
    assert [each.continued is not None for each in transitions] == [False, True, True]
    (incident,) = incidents.values()
    assert (incident.count, incident.last_type, incident.opened_by) == (3, "resource.cpu.warning", "evt_0")


def test_a_recovery_without_a_problem_does_nothing() -> None:
    assert advance({}, event("build.completed")) == ({}, Transition())


@pytest.mark.parametrize("name", ["build.started", "build.cancelled", "cache.cleared", "custom.x", "unknown"])
def test_a_plain_fact_speaks_of_no_incident(name: str) -> None:
    assert key_of(event(name)) is None
    incidents, _ = advance({}, event("build.failed"))
    assert advance(incidents, event(name)) == (incidents, Transition())


def test_a_stopped_daemon_that_recovers_from_an_error_is_still_stopped() -> None:
    incidents, _ = play([("daemon.stopped", "agent"), ("daemon.error", "agent"), ("daemon.recovered", "agent")])
    assert [incident.last_type for incident in incidents.values()] == ["daemon.stopped"]


def test_types_named_by_the_operator_pair_up_like_the_built_in_ones() -> None:
    pairing = {"custom.hot": ("resource.cpu", Turn.OPENS), "custom.cool": ("resource.cpu", Turn.CLOSES)}
    incidents, first = advance({}, event("custom.hot", number=1), pairing)
    assert first.opened is not None
    assert key_of(event("custom.hot"), pairing) == IncidentKey("resource.cpu", "api")
    assert advance(incidents, event("resource.cpu.high"), pairing)[1].continued is not None
    assert advance(incidents, event("custom.cool"), pairing)[1].closed == first.opened
    assert advance(incidents, event("resource.cpu.normal"), pairing)[1].closed == first.opened
    assert advance(incidents, event("custom.cool"))[1] == Transition()
