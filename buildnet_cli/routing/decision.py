"""The router's answers: for each target, what is to become of an event, and why."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class Action(enum.StrEnum):
    """What is to become of an event for one target."""

    SEND = "send"
    HOLD = "hold"
    SUPPRESS = "suppress"


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

    stage: match, priority, mute, dedup, quiet_hours, batch or rate_limit.
    text: the sentence that `why` prints.
    path: the configuration key it was decided by; empty for a default.
    """

    stage: str
    text: str
    path: tuple[str | int, ...] = ()


@dataclass(frozen=True, slots=True)
class Decision:
    """What is to become of one event for one target.

    until: when a held one falls due; None otherwise.
    reasons: one per stage passed, in order; the last one decided.
    """

    target: Target
    action: Action
    reasons: tuple[Reason, ...]
    until: datetime | None = None
