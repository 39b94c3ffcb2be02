"""Whether a target may be tried: one state per target, moved on by what came of each attempt. Pure.

A target that takes nothing is left alone but for one probe at a time, so that what waits for it is not worn out,
and whoever runs it is not hammered.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from buildnet_cli.delivery.backoff import Failure, asked_delay
from buildnet_cli.errors import Outcome
from buildnet_cli.routing.decision import Target

MOST_IN_A_ROW: Final = 5
"""Failures in a row after which a target is failing."""

WINDOW: Final = 20
"""Attempts that are looked back upon; a target is failing as well if half of so many failed."""

FIRST_PROBE: Final = timedelta(seconds=30)
"""How long a failing target is left alone at first; twice as long after each probe that failed."""

LONGEST_PAUSE: Final = timedelta(minutes=15)
"""The longest time between two probes, and the time between two of a refused credential."""

STANDS_ALONE: Final = frozenset({"webhook", "console"})
"""Channels whose recipients are endpoints with a credential of their own; on any other, all recipients share one."""

# What tells that it is there after all.
_ANSWERED = (Outcome.PERMANENT, Outcome.HOLD)

# Who asks may have looked at the clock a moment before the pause began.
_SLACK = timedelta(minutes=1)

_TAKEN, _NOT_TAKEN = "+", "-"

PROBING: Final = frozenset({"failing", "held", "gone"})
"""The states in which one message at a time is all that may be sent."""


class Flow(enum.StrEnum):
    """How a target takes what it is sent."""

    WORKING = "working"
    REFUSING = "refusing"
    """It answered the last message with a refusal for good. Nothing is held back: each gets its answer."""
    FAILING = "failing"
    """It takes nothing; probed from time to time."""
    HELD = "held"
    """It refuses our credential; probed from time to time, and at once after a reload."""
    GONE = "gone"
    """It says that it is no more; left alone until a reload, a restart or a person has it tried."""


@dataclass(frozen=True, slots=True)
class Breaker:
    """One target's state. A fresh one stands for a target that has given no trouble lately.

    since: the beginning of the trouble. in_a_row: failures since it last took something.
    recent: the last attempts, oldest first, `+` or `-` each; empty again once all of them were taken.
    pause: between two probes. not_before: nothing is to be sent before. answer: the target's last words.
    """

    flow: Flow = Flow.WORKING
    since: datetime | None = None
    in_a_row: int = 0
    recent: str = ""
    pause: timedelta = FIRST_PROBE
    not_before: datetime | None = None
    answer: str = ""

    def is_shut(self, now: datetime) -> bool:
        """Whether nothing may be sent now. A clock that was set back shuts nothing for much longer than a pause."""
        if self.not_before is None or self.flow is Flow.GONE:
            return self.not_before is not None
        return now < self.not_before <= now + LONGEST_PAUSE + _SLACK

    @property
    def is_probing(self) -> bool:
        """Whether one message at a time is all that may be sent."""
        return self.flow in PROBING


def after_success(breaker: Breaker) -> Breaker:
    """It took a message."""
    recent = (breaker.recent + _TAKEN)[-WINDOW:]
    if breaker.flow is not Flow.WORKING or _NOT_TAKEN not in recent:
        return Breaker()
    return replace(breaker, since=None, in_a_row=0, recent=recent, not_before=None)


def after_failure(breaker: Breaker, failure: Failure, now: datetime) -> Breaker:
    """It did not take one. What is our own doing says nothing about the target."""
    if failure.outcome in (Outcome.CRASHED, Outcome.INTERRUPTED):
        return breaker
    since, answer = breaker.since or now, failure.answer
    if failure.outcome is Outcome.GONE or (breaker.flow is Flow.GONE and failure.outcome not in _ANSWERED):
        return Breaker(Flow.GONE, since, not_before=now, answer=answer)
    if failure.outcome is Outcome.HOLD or (breaker.flow is Flow.HELD and failure.outcome is not Outcome.PERMANENT):
        return Breaker(Flow.HELD, since, pause=LONGEST_PAUSE, not_before=now + LONGEST_PAUSE, answer=answer)
    if failure.outcome is Outcome.PERMANENT:
        # It is there and answers, so that whatever else waits may be tried; but a message is lost to it, and people should know.
        return Breaker(Flow.REFUSING, since, recent=breaker.recent, answer=answer)
    asked_for = min(asked_delay(failure.retry_after_secs) or timedelta(), LONGEST_PAUSE)
    if breaker.flow is Flow.FAILING:
        pause = min(breaker.pause * 2, LONGEST_PAUSE)
        return replace(breaker, pause=pause, not_before=now + max(pause, asked_for), answer=answer)
    in_a_row, recent = breaker.in_a_row + 1, (breaker.recent + _NOT_TAKEN)[-WINDOW:]
    if in_a_row >= MOST_IN_A_ROW or (len(recent) == WINDOW and recent.count(_NOT_TAKEN) * 2 >= WINDOW):
        return Breaker(Flow.FAILING, since, in_a_row, recent, FIRST_PROBE, now + max(FIRST_PROBE, asked_for), answer)
    not_before = now + asked_for if asked_for else None
    return Breaker(breaker.flow, since, in_a_row, recent, not_before=not_before, answer=answer)


def after_reload(breaker: Breaker) -> Breaker:
    """The configuration was read again, perhaps with what was missing: try it now."""
    return replace(breaker, pause=FIRST_PROBE, not_before=None)


def sharing_credential(target: Target, targets: Iterable[Target]) -> list[Target]:
    """The targets that a refusal of this one's credential means: itself, and on most channels all the others."""
    if target.channel in STANDS_ALONE:
        return [target]
    return [target, *(other for other in targets if other.channel == target.channel and other != target)]
