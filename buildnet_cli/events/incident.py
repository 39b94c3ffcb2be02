"""Open problems, one per subject, closed by the event that ends them. Pure: state in, state out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from buildnet_cli.events.catalog import CATALOG, Turn
from buildnet_cli.events.model import Event


@dataclass(frozen=True, slots=True)
class IncidentKey:
    """What makes two problems the same one: the family of the event and what it is about."""

    family: str
    subject: str


@dataclass(frozen=True, slots=True)
class Incident:
    """An open problem.

    opened_by: id of the event that began it. last_type: the newest opening type, `resource.cpu.high` after `…warning`.
    count: how many opening events it has had.
    """

    key: IncidentKey
    opened_by: str
    opened_at: datetime
    last_type: str
    count: int = 1


@dataclass(frozen=True, slots=True)
class Transition:
    """What one event did to the open incidents.

    opened, continued, closed: at most one of them is set.
    """

    opened: Incident | None = None
    continued: Incident | None = None
    closed: Incident | None = None


Pairing = Mapping[str, tuple[str, Turn]]
"""Further event types, as configured for monitors: type → (family, turn)."""


def key_of(event: Event, pairing: Pairing | None = None) -> IncidentKey | None:
    """The incident an event speaks of; None for plain facts."""
    family, _ = _turn_of(event.type, pairing)
    return IncidentKey(family, event.subject) if family else None


def turn_of(event: Event, pairing: Pairing | None = None) -> Turn | None:
    """What an event does to the incident of its subject; None for plain facts."""
    return _turn_of(event.type, pairing)[1]


def advance(
    open_incidents: Mapping[IncidentKey, Incident], event: Event, pairing: Pairing | None = None
) -> tuple[dict[IncidentKey, Incident], Transition]:
    """The open incidents after an event, and what it did to them. The mapping handed in is not changed.

    pairing: types that the operator named for a monitor, which pair up like the built-in ones.
    """
    after = dict(open_incidents)
    family, turn = _turn_of(event.type, pairing)
    if turn is None:
        return after, Transition()
    key = IncidentKey(family, event.subject)
    known = after.get(key)
    if turn is Turn.CLOSES:
        return after, Transition(closed=after.pop(key, None))
    if known is None:
        after[key] = Incident(key, opened_by=event.id, opened_at=event.timestamp, last_type=event.type)
        return after, Transition(opened=after[key])
    after[key] = replace(known, last_type=event.type, count=known.count + 1)
    return after, Transition(continued=after[key])


def _turn_of(event_type: str, pairing: Pairing | None) -> tuple[str, Turn | None]:
    if pairing and event_type in pairing:
        return pairing[event_type]
    known = CATALOG.get(event_type)
    return (known.family, known.turn) if known is not None else ("", None)
