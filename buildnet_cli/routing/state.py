"""The router's memory as one immutable value, for tables and trials; the agent's is in the database and answers the same."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from buildnet_cli.events.catalog import Turn
from buildnet_cli.events.incident import Incident, IncidentKey, advance, key_of, turn_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing import dedup
from buildnet_cli.routing.decision import Action, Decision, Lane, Slot, Stage, Target
from buildnet_cli.routing.memory import Batch, Mute, Told, Waiting
from buildnet_cli.routing.rules import Rules


@dataclass(frozen=True, slots=True)
class Holding:
    """A delivery that is held. priority: as which it was judged. stage: which one holds it."""

    event: Event
    target: Target
    priority: Priority
    stage: str
    due: datetime


@dataclass(frozen=True, slots=True)
class State:
    """Everything that decisions hang on. Implements `memory.Memory`; it never changes, `after` makes another."""

    muted: tuple[Mute, ...] = ()
    incidents: Mapping[IncidentKey, Incident] = field(default_factory=dict)
    debts: Mapping[IncidentKey, Mapping[Target, Priority]] = field(default_factory=dict)
    last: Mapping[tuple[Target, str], Told] = field(default_factory=dict)
    held: tuple[Holding, ...] = ()
    slots: Mapping[Slot, tuple[datetime, ...]] = field(default_factory=dict)

    def mutes(self, now: datetime) -> Sequence[Mute]:
        return [mute for mute in self.muted if now < mute.until]

    def incident(self, key: IncidentKey) -> Incident | None:
        return self.incidents.get(key)

    def owed(self, key: IncidentKey) -> Mapping[Target, Priority]:
        return self.debts.get(key, {})

    def told(self, target: Target, identity: str) -> Told | None:
        return self.last.get((target, identity))

    def waiting(self, target: Target, subject: str) -> Waiting | None:
        found = [each for each in self.held if each.target == target and each.event.subject == subject]
        if not found:
            return None
        worst = max((each.priority for each in found), key=lambda priority: priority.rank)
        return Waiting(max(each.due for each in found), worst)

    def batch(self, target: Target, priority: Priority, now: datetime) -> Batch | None:
        found = [
            each.due
            for each in self.held
            if each.target == target and each.stage == Stage.BATCH and each.priority is priority and each.due > now
        ]
        return Batch(min(found), len(found)) if found else None

    def overflow(self, target: Target) -> datetime | None:
        return max((each.due for each in self.held if each.target == target and each.stage == Stage.RATE_LIMIT), default=None)

    def slot(self, whose: Target, lane: Lane, nth: int) -> datetime | None:
        sent = self.slots.get(Slot(whose, lane), ())
        return sent[-nth] if nth <= len(sent) else None

    def used(self, whose: Target, lane: Lane, among: int, since: datetime) -> int:
        return sum(at > since for at in self.slots.get(Slot(whose, lane), ())[-among:])

    def after(self, event: Event, decisions: Sequence[Decision], rules: Rules, now: datetime) -> State:
        """What is known once the decisions about an event are stored."""
        incident = dedup.incident_of(event, self, rules.pairing)
        name = dedup.identity(event, rules.pairing)
        last, held, slots = dict(self.last), [*self.held], dict(self.slots)
        for decision in decisions:
            known = last.get((decision.target, name))
            if decision.action is Action.SUPPRESS:
                if decision.stage == Stage.DEDUP and known is not None:
                    last[decision.target, name] = replace(known, folded=known.folded + 1)
                continue
            last[decision.target, name] = Told(event.type, event.priority, now, incident)
            if decision.until is not None:
                held.append(Holding(event, decision.target, decision.priority, decision.stage, decision.until))
            for slot in decision.slots:
                slots[slot] = (*slots.get(slot, ()), now)
        incidents, _ = advance(self.incidents, event, rules.pairing)
        return State(self.muted, incidents, self._debts_after(event, decisions, rules), last, tuple(held), slots)

    def _debts_after(
        self, event: Event, decisions: Sequence[Decision], rules: Rules
    ) -> Mapping[IncidentKey, Mapping[Target, Priority]]:
        key, turn = key_of(event, rules.pairing), turn_of(event, rules.pairing)
        if key is None or turn is None:
            return self.debts
        debts = dict(self.debts)
        if turn is Turn.CLOSES:
            debts.pop(key, None)
            return debts
        owed = dict(debts.get(key, {}))
        for decision in decisions:
            if decision.action is not Action.SUPPRESS:
                before = owed.get(decision.target, event.priority)
                owed[decision.target] = max(before, event.priority, key=lambda priority: priority.rank)
        return {**debts, key: owed}
