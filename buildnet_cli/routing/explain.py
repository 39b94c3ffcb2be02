"""Why everybody hears, or does not hear, of an event: the decisions themselves, and the routes that did not want it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Action, Decision, Reason, Stage, Target
from buildnet_cli.routing.loop_guard import speaks_of
from buildnet_cli.routing.match import Match
from buildnet_cli.routing.memory import Memory
from buildnet_cli.routing.pipeline import decide
from buildnet_cli.routing.rules import Rules


@dataclass(frozen=True, slots=True)
class Explanation:
    """What becomes of an event for one target. action: None if the target does not want it. until: when a held one falls due."""

    target: Target
    action: Action | None
    reasons: tuple[Reason, ...]
    until: datetime | None = None


def explain(event: Event, rules: Rules, memory: Memory, now: datetime) -> list[Explanation]:
    """Every configured target, in the order of the configuration. Nothing is sent or remembered."""
    decided = {decision.target: decision for decision in decide(event, rules, memory, now)}
    return [
        _of(decided[match.route.target]) if match.route.target in decided else _not_wanted(event, match)
        for match in rules.table.match(event.type, event.priority)
    ]


def unwanted(event: Event, rules: Rules, heard: Collection[Target]) -> list[Explanation]:
    """The targets that were told nothing of an event, with what the configuration says to that now.

    heard: those that a decision was stored for.
    """
    return [
        _not_wanted(event, match) for match in rules.table.match(event.type, event.priority) if match.route.target not in heard
    ]


def _not_wanted(event: Event, match: Match) -> Explanation:
    reasons = match.reasons
    if speaks_of(event, match.route.target):
        reasons = (*reasons, Reason(Stage.MATCH, "it is the one that fails; the others are told"))
    return Explanation(match.route.target, None, reasons)


def _of(decision: Decision) -> Explanation:
    return Explanation(decision.target, decision.action, decision.reasons, decision.until)
