"""The stages in order: match · mute · dedup · quiet hours · batch · rate limit. One code for deciding and for explaining."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing import batch, dedup, mute, quiet_hours, rate_limit
from buildnet_cli.routing.decision import Action, Case, Decision, Reason, Stage, Target, Verdict
from buildnet_cli.routing.loop_guard import speaks_of
from buildnet_cli.routing.match import Match, Route
from buildnet_cli.routing.memory import EVERYBODY, Memory
from buildnet_cli.routing.rules import Rules

NO_RECIPIENT = "no recipient"
"""Why an event is stored that nobody hears of."""

_Judge = Callable[[], Verdict]


@dataclass(frozen=True, slots=True)
class Held:
    """A delivery that was held, as far as deciding again hangs on it. priority: as which it was judged."""

    event: Event
    target: Target
    priority: Priority
    is_owed: bool = False


def decide(event: Event, rules: Rules, memory: Memory, now: datetime) -> list[Decision]:
    """What is to become of an event, for each target that wants it or is owed it; none if nobody does.

    now: the time at which it is decided; every stage judges by it.
    """
    ended = dedup.ends(event, rules.pairing)
    owed = memory.owed(ended) if ended is not None else {}
    decisions: list[Decision] = []
    for match in rules.table.match(event.type, event.priority):
        target = match.route.target
        if (match.is_wanted or target in owed) and not speaks_of(event, target):
            also = sum(slot.whose == EVERYBODY for decision in decisions for slot in decision.slots)
            decisions.append(_decide(event, match, owed.get(target), rules, memory, now, also))
    return decisions


def decide_again(held: Held, rules: Rules, memory: Memory, now: datetime) -> Decision:
    """What is to become of a held delivery that has fallen due. Whether it is sent alone or folded is not decided here.

    It has been matched, told apart from repeats and collected; mutes and quiet hours may have begun since.
    """
    case = Case(held.event, held.target, held.priority, is_owed=held.is_owed)
    return _run(
        case,
        (),
        (
            lambda: mute.judge(case, memory, now),
            lambda: quiet_hours.judge(case, rules.quiet_hours, rules.overriding, now),
        ),
    )


def release(case: Case, rules: Rules, memory: Memory, now: datetime) -> Decision:
    """Whether a message may go out now that has been held, or tells of several that have."""
    return _run(case, (), (lambda: rate_limit.judge(case, rules.limits, memory, now, is_release=True),))


def _decide(
    event: Event, match: Match, owed: Priority | None, rules: Rules, memory: Memory, now: datetime, also: int
) -> Decision:
    """also: how many other targets the same event is sent to, as far as a total counts them."""
    route, reasons = match.route, match.reasons
    if owed is not None:
        reasons = (*reasons, Reason(Stage.OWED, "it was told of the problem and is owed its end"))
    if not route.can_send:
        missing = Reason(Stage.MATCH, f"this version cannot send to {route.target.channel} yet", route.path)
        return Decision(route.target, Action.SUPPRESS, (*reasons, missing), event.priority)
    if route.is_live:
        live = Reason(Stage.MATCH, f"{route.target.channel} hears everything at once")
        return Decision(route.target, Action.SEND, (*reasons, live), event.priority)
    case = _case(event, route, owed)
    return _run(
        case,
        reasons,
        (
            lambda: mute.judge(case, memory, now),
            lambda: dedup.judge(case, rules.dedup_window, memory, now, rules.pairing),
            lambda: quiet_hours.judge(case, rules.quiet_hours, rules.overriding, now, daily_zone=rules.daily_zone),
            lambda: batch.judge(case, rules.delays.get(case.priority, timedelta()), rules.batch_max, memory, now),
            lambda: _behind(case, memory),
            lambda: rate_limit.judge(case, rules.limits, memory, now, also=also),
        ),
    )


def _case(event: Event, route: Route, owed: Priority | None) -> Case:
    """The end of a problem is judged as the problem was: who was woken by it is told that it is over."""
    priority = event.priority if owed is None else max(event.priority, owed, key=lambda each: each.rank)
    return Case(event, route.target, priority, is_owed=owed is not None, is_daily=route.is_daily)


def _behind(case: Case, memory: Memory) -> Verdict:
    """What is held about a subject is not overtaken, unless by something more urgent."""
    waiting = memory.waiting(case.target, case.event.subject)
    if waiting is None or case.priority.rank > waiting.priority.rank:
        return Verdict(Reason(Stage.ORDER, "nothing older is held"))
    text = f"behind what is held about {case.event.subject or 'the same'} until {to_rfc3339(waiting.due)}"
    return Verdict(Reason(Stage.ORDER, text), Action.HOLD, waiting.due)


def _run(case: Case, before: Iterable[Reason], stages: Iterable[_Judge]) -> Decision:
    """Ask one stage after the other until one decides; the last one always does, or it may go."""
    reasons, repeats = [*before], 0
    for judge in stages:
        verdict = judge()
        reasons.append(verdict.reason)
        repeats += verdict.repeats
        if verdict.action is not None:
            return Decision(case.target, verdict.action, tuple(reasons), case.priority, verdict.until, verdict.slots, repeats)
    return Decision(case.target, Action.SEND, tuple(reasons), case.priority, repeats=repeats)
