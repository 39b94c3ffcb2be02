"""The one place that reads the time, so that everything else can be told it."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

# Source: RFC 3339, 5.6. `datetime.fromisoformat` alone also takes week dates, any separator and offsets with seconds.
_RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?")


class Clock(Protocol):
    """Where loops and producers get the time from; tests hand in their own."""

    def now(self) -> datetime:
        """The wall clock, aware, in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring what has elapsed."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def to_rfc3339(moment: datetime) -> str:
    """The form of every time we store or send: UTC, milliseconds, `Z`. Text order is time order."""
    return _utc_text(moment if moment.tzinfo is UTC else moment.astimezone(UTC))


# What is written together bears the same few times. Only those in UTC: in other zones two times of one night may be equal.
@lru_cache(maxsize=32)
def _utc_text(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def from_rfc3339(text: str) -> datetime:
    """Read a time as `to_rfc3339` writes it, or any RFC 3339 time with an offset.

    Raises ValueError if it is no such time, or names no offset.
    """
    if not _RFC3339.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no RFC 3339 time; write it as 2024-01-26T12:00:00Z")
    moment = datetime.fromisoformat(text.upper())
    if moment.tzinfo is None:
        raise ValueError(f"{text[:80]!r} names no offset from UTC; write it as 2024-01-26T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as exc:
        raise ValueError(f"{text[:80]!r} lies outside the years 1 to 9999") from exc
