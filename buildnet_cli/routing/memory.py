"""What the router has to know of the past: the records, and the questions it asks about them.

It is asked on one state of things, so that the same questions have the same answers while one event is decided.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol

from buildnet_cli.events.incident import Incident, IncidentKey
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Lane, Target

EVERYBODY: Final = Target("*", "*")
"""Whose budget the total over all targets is."""


@dataclass(frozen=True, slots=True)
class Mute:
    """Events that a person does not want to hear of for a while.

    subject: only what is about this; None for whatever it is about. until: it always has an end.
    """

    id: str
    pattern: Pattern
    until: datetime
    reason: str
    created_at: datetime
    subject: str | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """The last message of one identity to one target.

    at: when it was decided, or released. incident: id of the event that opened the problem it spoke of; empty for none.
    folded: how many repeats have been suppressed since.
    """

    type: str
    priority: Priority
    at: datetime
    incident: str = ""
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is held for a target. due: when the last of it falls due. priority: the highest among it."""

    due: datetime
    priority: Priority


@dataclass(frozen=True, slots=True)
class Batch:
    """An open window in which events are collected. due: when it ends. count: how many are in it."""

    due: datetime
    count: int


class Memory(Protocol):
    """The past, as far as decisions hang on it."""

    def mutes(self, now: datetime) -> Sequence[Mute]:
        """The mutes that have not ended, oldest first."""
        ...

    def incident(self, key: IncidentKey) -> Incident | None:
        """The open problem of this family and subject."""
        ...

    def owed(self, key: IncidentKey) -> Mapping[Target, Priority]:
        """Who was told of an open problem, and the highest priority at which."""
        ...

    def told(self, target: Target, identity: str) -> Told | None:
        """The last message of an identity; None if there was none, or if it could not be delivered."""
        ...

    def waiting(self, target: Target, subject: str) -> Waiting | None:
        """What is held for a target about one subject."""
        ...

    def batch(self, target: Target, priority: Priority, now: datetime) -> Batch | None:
        """The batch of a priority whose window is still open."""
        ...

    def overflow(self, target: Target) -> datetime | None:
        """When the summary of what is over the limit falls due; None if nothing is."""
        ...

    def slot(self, whose: Target, lane: Lane, nth: int) -> datetime | None:
        """When the nth newest message of a budget was sent, from 1; None if there were fewer."""
        ...

    def used(self, whose: Target, lane: Lane, among: int, since: datetime) -> int:
        """How many of the newest `among` messages of a budget were sent after a time."""
        ...
