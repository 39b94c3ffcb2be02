"""What a failed attempt means for its delivery: tried again and when, kept, or given up. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from buildnet_cli.delivery.model import DeliveryStatus, Effort
from buildnet_cli.duration import format_duration
from buildnet_cli.errors import Outcome
from buildnet_cli.events.priority import Priority

DELAYS: Final = tuple(
    timedelta(seconds=secs) for secs in (0, 5, 30, 120, 600, 1800, 2 * 3600, 5 * 3600, 10 * 3600, 14 * 3600, 20 * 3600, 24 * 3600)
)
"""The wait before the first attempt, the second, and so on; the last one repeats. The tail follows Standard Webhooks."""

LONGEST_DELAY: Final = DELAYS[-1] * 1.5
"""The longest wait between two attempts, jitter included."""

MAX_AGE: Final[Mapping[Priority, timedelta]] = {
    Priority.LOW: timedelta(hours=24),
    Priority.MEDIUM: timedelta(hours=48),
    Priority.HIGH: timedelta(hours=72),
    Priority.CRITICAL: timedelta(hours=72),
}
"""How long a delivery is tried. It has had at least one attempt by then, whatever the clock says."""

MOST_CRASHES: Final = 3
"""Attempts in which our own code failed, after which a delivery is set aside so that its line can go on."""

MOST_UNKNOWN: Final = 2
"""Attempts without an answer, after which a delivery is given up: any of them may have arrived."""

_SHORTEST = timedelta(seconds=1)
_LONGEST = timedelta(hours=24)

# Attempts that the provider held back, or that we broke off ourselves, do not make it wait longer.
_COUNTED = (Outcome.RETRY, Outcome.UNKNOWN, Outcome.CRASHED)


@dataclass(frozen=True, slots=True)
class Failure:
    """An attempt that did not end well.

    answer: what the provider said, or what went wrong. retry_after_secs: the delay it asked for; None if it named none.
    """

    outcome: Outcome
    answer: str
    retry_after_secs: float | None = None


@dataclass(frozen=True, slots=True)
class Fate:
    """What becomes of the delivery. next_attempt_at: set while it is pending."""

    status: DeliveryStatus
    reason: str
    next_attempt_at: datetime | None = None


def fate_of(
    failure: Failure, effort: Effort, priority: Priority, now: datetime, jitter: float, *, started_at: datetime | None = None
) -> Fate:
    """What becomes of a delivery after a failed attempt.

    effort: what was tried before this attempt. jitter: from 0 to 1, at random.
    started_at: when the attempt began, now by default. It tells the delivery's age: the clock may have been set since.
    """
    match failure.outcome:
        case Outcome.PERMANENT:
            return Fate(DeliveryStatus.DEAD, "refused for good")
        case Outcome.GONE:
            return Fate(DeliveryStatus.DEAD, "the receiver is gone for good; nothing more is sent to it")
        case Outcome.HOLD:
            # When the next try is made is the breaker's business: it is due as soon as the target may be tried.
            return Fate(DeliveryStatus.PENDING, "the credential is refused; kept until it is changed", now)
        case Outcome.INTERRUPTED:
            return Fate(DeliveryStatus.PENDING, "broken off by our own end; it may have arrived, and may repeat", now)
        case Outcome.CRASHED if effort.count(Outcome.CRASHED) + 1 >= MOST_CRASHES:
            return Fate(DeliveryStatus.DEAD, f"set aside: it made our own code fail {MOST_CRASHES} times")
        case Outcome.UNKNOWN if effort.count(Outcome.UNKNOWN) + 1 >= MOST_UNKNOWN:
            return Fate(DeliveryStatus.DEAD, "no answer, twice; it may have arrived")
    deadline = effort.begun_at + MAX_AGE[priority]
    if (started_at or now) >= deadline:
        return Fate(DeliveryStatus.EXPIRED, f"not taken within {format_duration(MAX_AGE[priority])}")
    reason = _WHY_PENDING[failure.outcome]
    return Fate(DeliveryStatus.PENDING, reason, next_attempt_at(failure, effort, now, jitter, deadline))


def next_attempt_at(failure: Failure, effort: Effort, now: datetime, jitter: float, deadline: datetime) -> datetime:
    """When to try again: when the provider asked for it, else by the table, give or take half; once more at the deadline."""
    asked_for = asked_delay(failure.retry_after_secs)
    if asked_for is not None:
        return now + asked_for
    failures = sum(effort.count(outcome) for outcome in _COUNTED) + 1
    delay = DELAYS[min(failures, len(DELAYS) - 1)] * (0.5 + min(max(jitter, 0.0), 1.0))
    return min(now + delay, deadline)


def asked_delay(retry_after_secs: float | None) -> timedelta | None:
    """A provider's own delay, between a second and a day; None if it named none, or nonsense."""
    if retry_after_secs is None or not 0 <= retry_after_secs < float("inf"):
        return None
    return min(max(timedelta(seconds=min(retry_after_secs, _LONGEST.total_seconds())), _SHORTEST), _LONGEST)


_WHY_PENDING = {
    Outcome.RETRY: "not taken; to be tried again",
    Outcome.UNKNOWN: "no answer; it may have arrived, and may repeat",
    Outcome.CRASHED: "our own code failed; to be tried again",
}
