"""The wall clock was set: whatever waits for a time, or for one to be long enough ago, is to wait as long as it would have."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlite_utils

from buildnet_cli.clock import from_rfc3339

# What is no time stays as it is.
_MOVED = "coalesce(strftime('%Y-%m-%dT%H:%M:%fZ', {0}, :by), {0})"

# A delivery grows old by the time that passes, not by the clock.
_AGES = f"UPDATE deliveries SET anew_at = {_MOVED.format('coalesce(anew_at, created_at)')} WHERE status = 'pending'"  # noqa: S608  (our own text)

_TIMES = tuple(
    f"UPDATE {table} SET {column} = {_MOVED.format(column)} WHERE {those}"  # noqa: S608  (our own text)
    for table, column, those in (
        ("deliveries", "next_attempt_at", "status = 'pending' AND lease IS NULL"),
        # Decided again when it falls due: a night or a mute then ends by the clock as it stands.
        ("deliveries", "next_attempt_at", "status = 'held' AND folded_into IS NULL"),
        ("told", "at", "true"),
        ("slots", "at", "true"),
    )
)


def mind(db: sqlite_utils.Database, by: timedelta) -> None:
    """The clock was set by so much just now; negative: back.

    After one that went forward, which a machine that slept sees too, everything may come at once: it has waited long enough.
    """
    for statement in (_AGES, *_TIMES) if by < timedelta() else (_AGES,):
        db.execute(statement, {"by": f"{by.total_seconds():+.3f} seconds"})


def since_last_event(db: sqlite_utils.Database, now: datetime) -> timedelta:
    """By how much, at the least, the clock was set back since the last event was accepted: negative, or zero if it was not."""
    row = db.execute("SELECT accepted_at FROM events ORDER BY seq DESC LIMIT 1").fetchone()
    try:
        return min(now - from_rfc3339(row[0]), timedelta()) if row is not None else timedelta()
    except ValueError:
        return timedelta()  # a row that was taken over from who knows where tells nothing
