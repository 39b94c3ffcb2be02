"""The rate-limit stage: how many messages a target gets; what is over is held and summed up in one message.

A budget counts the messages of a sliding window. A part of it is kept back for the summaries, so that a storm that used it up
does not end in silence; critical messages have a reserve of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Action, Case, Lane, Reason, Slot, Stage, Verdict
from buildnet_cli.routing.memory import EVERYBODY, Memory

PATH = ("notifications", "settings", "rate_limit")
_MINUTE, _HOUR = timedelta(minutes=1), timedelta(hours=1)

# How far used up a larger budget is, is not worth counting.
_WORTH_COUNTING = 100
# One in this many is kept back for summaries.
_KEPT_BACK = 10


@dataclass(frozen=True, slots=True)
class Limit:
    """So many messages in any window of this length. key: where it is configured."""

    most: int
    window: timedelta
    key: tuple[str | int, ...]
    is_total: bool = False

    @property
    def reserve(self) -> int:
        """Messages kept back for summaries."""
        return max(1, self.most // _KEPT_BACK)

    @property
    def ordinary(self) -> int:
        """What is left for everything else."""
        return max(1, self.most - self.reserve)

    @property
    def text(self) -> str:
        return f"{self.most} {'a minute' if self.window == _MINUTE else 'an hour'}{' over all' if self.is_total else ''}"


@dataclass(frozen=True, slots=True)
class Limits:
    """All budgets that a message has to fit in. critical_per_minute: the reserve of critical ones, per target."""

    each: tuple[Limit, ...] = ()
    critical_per_minute: int = 0

    @classmethod
    def of(cls, per_minute: int, per_hour: int, critical: int, *, total_per_minute: int = 0, total_per_hour: int = 0) -> Limits:
        """0 = no such limit."""
        given = (
            Limit(per_minute, _MINUTE, (*PATH, "max_per_minute")),
            Limit(per_hour, _HOUR, (*PATH, "max_per_hour")),
            Limit(total_per_minute, _MINUTE, (*PATH, "global", "max_per_minute"), is_total=True),
            Limit(total_per_hour, _HOUR, (*PATH, "global", "max_per_hour"), is_total=True),
        )
        return cls(tuple(limit for limit in given if limit.most), critical)


def judge(case: Case, limits: Limits, memory: Memory, now: datetime, *, is_release: bool = False, also: int = 0) -> Verdict:
    """Let a message go, or hold it for the next summary.

    is_release: it has been held, and may use what is kept back. also: how many of the total were taken a moment ago.
    """
    if not limits.each:
        return Verdict(Reason(Stage.RATE_LIMIT, "no limit"), Action.SEND)
    summary_at = None if is_release else memory.overflow(case.target)
    full = [
        (limit, free_at) for limit in limits.each if (free_at := _full_until(case, limit, memory, now, is_release, also)) > now
    ]
    is_critical = case.priority is Priority.CRITICAL
    if not full and (summary_at is None or is_critical):
        reason = Reason(Stage.RATE_LIMIT, _state_of(case, limits.each[0], memory, now), limits.each[0].key)
        return Verdict(reason, Action.SEND, slots=_slots(case, limits, Lane.ORDINARY))
    if is_critical and _has_reserve(case, limits, memory, now):
        reason = Reason(Stage.RATE_LIMIT, "from the reserve of critical messages", (*PATH, "critical_per_minute"))
        return Verdict(reason, Action.SEND, slots=_slots(case, limits, Lane.CRITICAL))
    if not full:
        limit, due = limits.each[0], summary_at or now
    else:
        limit, free_at = max(full, key=lambda each: each[1])
        due = summary_at or min(free_at, now + limit.window / (1 if is_release else limit.reserve))
    return Verdict(Reason(Stage.RATE_LIMIT, f"over {limit.text}; held for one summary", limit.key), Action.HOLD, due)


def _full_until(case: Case, limit: Limit, memory: Memory, now: datetime, is_release: bool, also: int) -> datetime:
    """When a budget has room; a time that has passed if it has some now."""
    most = limit.most if is_release else limit.ordinary
    if limit.is_total and also >= most:
        return now + limit.window
    nth = memory.slot(EVERYBODY, Lane.ORDINARY, most - also) if limit.is_total else memory.slot(case.target, Lane.ORDINARY, most)
    if nth is None or nth > now:  # a clock that was set back must not close a budget until it has caught up
        return now
    return nth + limit.window


def _has_reserve(case: Case, limits: Limits, memory: Memory, now: datetime) -> bool:
    if not limits.critical_per_minute:
        return False
    nth = memory.slot(case.target, Lane.CRITICAL, limits.critical_per_minute)
    return nth is None or nth > now or nth + _MINUTE <= now


def _slots(case: Case, limits: Limits, lane: Lane) -> tuple[Slot, ...]:
    own = (Slot(case.target, lane),)
    counts_in_total = lane is Lane.ORDINARY and any(limit.is_total for limit in limits.each)
    return (*own, Slot(EVERYBODY, lane)) if counts_in_total else own


def _state_of(case: Case, limit: Limit, memory: Memory, now: datetime) -> str:
    if limit.most > _WORTH_COUNTING:
        return f"within {limit.text}"
    whose = EVERYBODY if limit.is_total else case.target
    used = memory.used(whose, Lane.ORDINARY, limit.most, now - limit.window)
    return f"{used + 1} of {limit.text}"
