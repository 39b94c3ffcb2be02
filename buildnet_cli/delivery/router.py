"""Turns decisions into deliveries: of an event that comes in, and of what was held and has fallen due. Pure but for the ids.

It runs inside the transaction that stores what it decides, so that two events never decide on the same past.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from buildnet_cli.delivery.model import Delivery, DeliveryStatus
from buildnet_cli.events.catalog import Turn
from buildnet_cli.events.incident import IncidentKey, Pairing, key_of, turn_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.messages import digest
from buildnet_cli.routing import pipeline
from buildnet_cli.routing.decision import Action, Case, Decision, Reason, Stage, Target
from buildnet_cli.routing.memory import Memory
from buildnet_cli.routing.rules import Rules

_STATUS_OF = {
    Action.SEND: DeliveryStatus.PENDING,
    Action.HOLD: DeliveryStatus.HELD,
    Action.SUPPRESS: DeliveryStatus.SUPPRESSED,
}

# What a digest is called, by the stage that held the most patient of its events.
_KINDS = (Stage.QUIET_HOURS, Stage.RATE_LIMIT, Stage.BATCH)


@dataclass(frozen=True, slots=True)
class Held:
    """A held delivery that has fallen due. priority: as which it was judged."""

    delivery: Delivery
    event: Event
    priority: Priority


@dataclass(frozen=True, slots=True)
class Release:
    """What becomes of the held deliveries of one target.

    settled: those that are held on or suppressed now. sent: those that go out, alone or in the digest; decision is theirs.
    digest: the message that tells of them if there are several.
    """

    settled: Sequence[tuple[Held, Decision]]
    sent: Sequence[Held] = ()
    decision: Decision | None = None
    digest: tuple[Event, Delivery] | None = None


class Router:
    """Decides by one configuration at a time. rules: replaced at a reload."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules

    def route(
        self, event: Event, memory: Memory, now: datetime, answered: Collection[tuple[str, str]] = ()
    ) -> list[tuple[Decision, Delivery]]:
        """What is to become of an event that comes in, for each target that hears of it or would have.

        answered: channels and addresses that are told of it in an answer of their own.
        """
        incident = _incident_of(event, memory, self.rules.pairing)
        decided = pipeline.decide(event, self.rules, memory, now)
        if answered:
            decided = [_answered(each) if self._address_of(each.target) in answered else each for each in decided]
        return [(decision, _to_delivery(event, decision, now, incident)) for decision in decided]

    def is_wanted(self, event: Event) -> bool:
        """Whether somebody's patterns mean an event, which mostly is whether somebody will hear of it."""
        return any(match.is_wanted for match in self.rules.table.match(event.type, event.priority))

    def _address_of(self, target: Target) -> tuple[str, str]:
        return target.channel, self.rules.addresses.get(target, "")

    def release(self, target: Target, held: Sequence[Held], memory: Memory, now: datetime) -> Release:
        """What is to become of deliveries of one target that have fallen due, oldest first."""
        again = [(each, pipeline.decide_again(_as_held(each), self.rules, memory, now)) for each in held]
        settled = [(each, decision) for each, decision in again if decision.action is not Action.SEND]
        ready = [each for each, decision in again if decision.action is Action.SEND]
        if not ready:
            return Release(settled)
        worst = max((each.priority for each in ready), key=lambda priority: priority.rank)
        decision = pipeline.release(Case(ready[-1].event, target, worst), self.rules, memory, now)
        if decision.action is not Action.SEND:
            return Release([*settled, *((each, decision) for each in ready)])
        if len(ready) == 1:
            return Release(settled, ready, decision)
        stages = {each.delivery.hold for each in ready}
        kind = next((stage.value for stage in _KINDS if stage in stages), "held")
        return Release(settled, ready, decision, self._digest(ready, decision, memory, now, kind))

    def fold_backlog(self, target: Target, waiting: Sequence[Held], memory: Memory, now: datetime) -> tuple[Event, Delivery]:
        """One message for what a target could not be told in time. It was decided to be sent, and is not decided again."""
        worst = max((each.priority for each in waiting), key=lambda priority: priority.rank)
        reason = Reason(Stage.ORDER, f"{len(waiting)} could not be delivered in time, and are told in one message")
        return self._digest(waiting, Decision(target, Action.SEND, (reason,), worst), memory, now, "backlog")

    def _digest(
        self, ready: Sequence[Held], decision: Decision, memory: Memory, now: datetime, kind: str
    ) -> tuple[Event, Delivery]:
        pairing, quiet = self.rules.pairing, self.rules.quiet_hours
        events = [each.event for each in ready]
        keys = {key for event in events if (key := key_of(event, pairing)) is not None}
        is_open: dict[IncidentKey, bool] = {key: memory.incident(key) is not None for key in keys}
        zone = quiet.zone.key if quiet is not None else "UTC"
        payload = digest.compose(events, kind, is_open, zone, pairing)
        event = Event(new_id("evt"), digest.PREFIX + kind, decision.priority, digest.headline(payload), "", "agent", now, payload)
        return event, _to_delivery(event, decision, now)


def _answered(decision: Decision) -> Decision:
    reason = Reason("answer", "answered directly: whoever asked for this build is told in an answer of its own")
    return replace(decision, action=Action.SUPPRESS, reasons=(*decision.reasons, reason), slots=(), until=None)


def _as_held(held: Held) -> pipeline.Held:
    is_owed = any(reason.stage == Stage.OWED for reason in held.delivery.reasons)
    return pipeline.Held(held.event, held.delivery.target, held.priority, is_owed=is_owed)


def _incident_of(event: Event, memory: Memory, pairing: Pairing) -> str:
    """Id of the event that opened the problem this one tells of, itself maybe, or tells the end of."""
    key = key_of(event, pairing)
    known = memory.incident(key) if key is not None else None
    if known is not None:
        return known.opened_by
    return event.id if turn_of(event, pairing) is Turn.OPENS else ""


def _to_delivery(event: Event, decision: Decision, now: datetime, incident: str = "") -> Delivery:
    return Delivery(
        id=new_id("dlv"),
        event_id=event.id,
        target=decision.target,
        status=_STATUS_OF[decision.action],
        reason=decision.reasons[-1].text,
        created_at=now,
        next_attempt_at=now if decision.action is Action.SEND else decision.until,
        reasons=decision.reasons,
        hold=decision.stage if decision.action is Action.HOLD else "",
        repeats=decision.repeats,
        incident=incident,
    )
