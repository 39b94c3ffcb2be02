"""The router's answers: for each target, what is to become of an event, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime

from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority


class Action(enum.StrEnum):
    """What is to become of an event for one target."""

    SEND = "send"
    HOLD = "hold"
    SUPPRESS = "suppress"


class Stage(enum.StrEnum):
    """Where a reason was given, in the order of the pipeline.

    OWED and ORDER are no stages of their own: a target is owed the end of a problem it was told of, and what is held for a
    subject is not overtaken.
    """

    MATCH = "match"
    PRIORITY = "priority"
    OWED = "owed"
    MUTE = "mute"
    DEDUP = "dedup"
    QUIET_HOURS = "quiet_hours"
    BATCH = "batch"
    RATE_LIMIT = "rate_limit"
    ORDER = "order"


class Lane(enum.StrEnum):
    """Which budget of a target a message is paid from."""

    ORDINARY = "ordinary"
    CRITICAL = "critical"


@dataclass(frozen=True, slots=True)
class Target:
    """A channel and one of its recipients, as routing and delivery see them.

    channel: sms, email, webhook, push, slack, discord, telegram or console.
    recipient: the recipient's configured name, unique within its channel.
    """

    channel: str
    recipient: str

    def __str__(self) -> str:
        return f"{self.channel}:{self.recipient}"

    @classmethod
    def parse(cls, text: str) -> Target:
        """Read `channel:recipient` back. Raises ValueError if there is no colon."""
        channel, colon, recipient = text.partition(":")
        if not colon:
            raise ValueError(f"{text!r} is no target; write it as channel:recipient")
        return cls(channel, recipient)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one stage decided as it did.

    stage: one of `Stage`.
    text: the sentence that `why` prints.
    path: the configuration key it was decided by; empty for a default.
    """

    stage: str
    text: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Slot:
    """One message of a budget. whose: the target, or `EVERYBODY` for the total."""

    whose: Target
    lane: Lane


@dataclass(frozen=True, slots=True)
class Case:
    """One event on its way to one target.

    priority: as which it is judged: its own, or that of the problem it ends, where that was higher.
    is_owed: the target was told of the problem that this event ends.
    is_daily: the target gets all that can wait once a day.
    """

    event: Event
    target: Target
    priority: Priority
    is_owed: bool = False
    is_daily: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one stage says.

    action: None if the next stage is to decide.
    until: when something held falls due. slots: what sending it takes. repeats: how many like it were folded before it.
    """

    reason: Reason
    action: Action | None = None
    until: datetime | None = None
    slots: tuple[Slot, ...] = ()
    repeats: int = 0


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one event for one target.

    reasons: one per stage passed, in order; the last one decided.
    priority: as which it was judged. until: when a held one falls due; None otherwise.
    slots: which budgets sending it takes from. repeats: how many like it were folded into this one.
    """

    target: Target
    action: Action
    reasons: tuple[Reason, ...]
    priority: Priority
    until: datetime | None = None
    slots: tuple[Slot, ...] = ()
    repeats: int = 0

    @property
    def stage(self) -> str:
        """The stage that decided."""
        return self.reasons[-1].stage
