"""A delivery is one message's journey to one target; an attempt is one try."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.errors import Outcome
from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message
from buildnet_cli.routing.decision import Reason, Target


class DeliveryStatus(enum.StrEnum):
    """Where a delivery stands. The last five are final and visible; nothing ends otherwise."""

    PENDING = "pending"
    HELD = "held"
    DELIVERED = "delivered"
    SUPPRESSED = "suppressed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DEAD = "dead"

    @property
    def is_final(self) -> bool:
        return self not in (DeliveryStatus.PENDING, DeliveryStatus.HELD)


@dataclass(frozen=True, slots=True)
class Address:
    """Where an answer goes: to whoever asked, configured as a recipient or not.

    channel: sms, slack … to: as that channel writes it: a phone number, an e-mail address, a room's or chat's id.
    thread: what the provider calls the message that is answered; empty to begin afresh.
    """

    channel: str
    to: str
    thread: str = ""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message's journey to one target.

    reason: why it stands where it stands, in a sentence.
    attempts: how many tries have begun.
    next_attempt_at: when it falls due; None once it is final.
    answer: the provider's last answer, without secrets.
    hold: the stage that holds it; empty for none. folded_into: id of the digest's delivery that tells of it, and whose end is
    its end. repeats: how many like it were folded before it.
    incident: id of the event that opened the problem it tells of, or tells the end of; empty for plain facts.
    address: where it goes if it was not routed but answers somebody; its target is then the channel and whom it goes to.
    """

    id: str
    event_id: str
    target: Target
    status: DeliveryStatus
    reason: str
    created_at: datetime
    attempts: int = 0
    next_attempt_at: datetime | None = None
    answer: str = ""
    reasons: tuple[Reason, ...] = ()
    hold: str = ""
    folded_into: str | None = None
    repeats: int = 0
    incident: str = ""
    address: Address | None = None

    def as_wire(self) -> dict[str, Any]:
        """`{id, event_id, channel, recipient, status, reason, attempts, next_attempt_at, answer, folded_into}`."""
        return {
            "id": self.id,
            "event_id": self.event_id,
            "channel": self.target.channel,
            "recipient": self.target.recipient,
            "status": self.status.value,
            "reason": self.reason,
            "attempts": self.attempts,
            "next_attempt_at": to_rfc3339(self.next_attempt_at) if self.next_attempt_at is not None else None,
            "answer": self.answer,
            "folded_into": self.folded_into,
        }


@dataclass(frozen=True, slots=True)
class Effort:
    """What was tried for a delivery since it was accepted, or since a person had it tried anew.

    earlier: how the attempts before the present one ended, with their numbers.
    """

    begun_at: datetime
    earlier: Mapping[Outcome, int] = field(default_factory=dict)

    def count(self, outcome: Outcome) -> int:
        return self.earlier.get(outcome, 0)


@dataclass(frozen=True, slots=True)
class FirstTold:
    """The first message that a target got of an incident. ref: how its provider calls it. event: what it told of."""

    ref: str
    event: Event


@dataclass(frozen=True, slots=True)
class Leased:
    """A delivery that the dispatcher holds, with the event it tells of and what was tried before.

    first: what the target was told of the same incident before, if its provider can refer to that.
    """

    delivery: Delivery
    event: Event
    effort: Effort
    first: FirstTold | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One finished try, and what it means for the delivery.

    outcome: None if the message was taken.
    status: what the delivery becomes. next_attempt_at: set while that is pending.
    answer: the provider's answer or the fault, without secrets. ref: as in Receipt.
    """

    delivery_id: str
    started_at: datetime
    finished_at: datetime
    outcome: Outcome | None
    answer: str
    status: DeliveryStatus
    reason: str
    next_attempt_at: datetime | None = None
    ref: str = ""


@dataclass(frozen=True, slots=True)
class Thread:
    """What a target has of an incident already, so that all of it can be shown in one place.

    ref: how the provider calls the incident's first message, or the message that is answered.
    updated: the first message, saying how things stand now; None if it is not ours to change.
    """

    ref: str
    updated: Message | None


@dataclass(frozen=True, slots=True)
class OutgoingMessage:
    """What a channel is handed for one attempt.

    delivery_id: the same in every attempt, so that receivers can drop repeats.
    attempt: from 1. sent_at: the time of this attempt.
    incident: the same for all messages about one problem; empty for a plain fact.
    thread: what went to the target about that problem first, or what is answered; None if there is nothing before it.
    repeats: how many like it were folded before it; the message says so in words.
    address: where it goes, as the channel writes it, if that is nobody configured but whoever asked; empty otherwise.
    """

    delivery_id: str
    target: Target
    message: Message
    attempt: int
    sent_at: datetime
    incident: str = ""
    thread: Thread | None = None
    repeats: int = 0
    address: str = ""


@dataclass(frozen=True, slots=True)
class Receipt:
    """A provider took a message.

    provider_id: its own name for it, empty if it gave none. detail: what a person may want to know of it.
    ref: what later messages of the same incident need to answer or change this one; empty if they cannot.
    """

    provider_id: str = ""
    detail: str = ""
    ref: str = ""
