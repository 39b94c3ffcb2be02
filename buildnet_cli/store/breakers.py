"""How targets take what they are sent, as rows; and whom we told that one of them fails."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.alarm import Told
from buildnet_cli.delivery.breaker import Breaker, Flow
from buildnet_cli.routing.decision import Target
from buildnet_cli.store.rows import Row, passed_over, rows

_SAVE = """
INSERT OR REPLACE INTO breakers (channel, recipient, flow, since, in_a_row, recent, pause_secs, not_before, answer)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""

# It works again: what was waiting for its next try need not wait out a delay that was meant for its trouble.
_REVIVE = """
UPDATE deliveries SET next_attempt_at = ?
WHERE status = 'pending' AND channel = ? AND recipient = ? AND lease IS NULL AND attempts > 0 AND next_attempt_at > ?
"""


def load(db: sqlite_utils.Database) -> dict[Target, Breaker]:
    """Every target that has given trouble lately."""
    found = rows(db, "SELECT * FROM breakers")
    return dict(passed_over(found, lambda row: (Target(row["channel"], row["recipient"]), _from_row(row))))


def save(db: sqlite_utils.Database, breakers: Mapping[Target, Breaker], now: datetime) -> None:
    """Store states; a target that works again gets what waits for it at once."""
    for target, breaker in breakers.items():
        address = [target.channel, target.recipient]
        (was_probing,) = db.execute(
            "SELECT count(*) FROM breakers WHERE channel = ? AND recipient = ? AND flow IN ('failing', 'held', 'gone')", address
        ).fetchone()
        if breaker == Breaker():
            db.execute("DELETE FROM breakers WHERE channel = ? AND recipient = ?", address)
        else:
            db.execute(_SAVE, [*address, *_to_values(breaker)])
        if was_probing and not breaker.is_probing:
            db.execute(_REVIVE, [to_rfc3339(now), *address, to_rfc3339(now)])


def waiting(db: sqlite_utils.Database, target: Target) -> int:
    """How many deliveries a target has yet to get."""
    sql = "SELECT count(*) FROM deliveries WHERE status = 'pending' AND channel = ? AND recipient = ?"
    (count,) = db.execute(sql, [target.channel, target.recipient]).fetchone()
    return int(count)


def told(db: sqlite_utils.Database) -> dict[str, Told]:
    """Of which troubles we have told, by their subject."""
    found = rows(db, "SELECT * FROM alarms")
    return dict(passed_over(found, lambda row: (row["subject"], Told(from_rfc3339(row["told_at"]), bool(row["is_open"])))))


def note_told(db: sqlite_utils.Database, subject: str, news: Told) -> None:
    """We tell of it now; to be stored together with the event that does."""
    db.execute("INSERT OR REPLACE INTO alarms VALUES (?, ?, ?)", [subject, to_rfc3339(news.at), news.is_open])


def _from_row(row: Row) -> Breaker:
    return Breaker(
        flow=Flow(row["flow"]),
        since=_time(row["since"]),
        in_a_row=row["in_a_row"],
        recent=row["recent"],
        pause=timedelta(seconds=row["pause_secs"]),
        not_before=_time(row["not_before"]),
        answer=row["answer"],
    )


def _to_values(breaker: Breaker) -> list[Any]:
    return [
        breaker.flow.value,
        to_rfc3339(breaker.since) if breaker.since is not None else None,
        breaker.in_a_row,
        breaker.recent,
        int(breaker.pause.total_seconds()),
        to_rfc3339(breaker.not_before) if breaker.not_before is not None else None,
        breaker.answer,
    ]


def _time(text: str | None) -> datetime | None:
    return from_rfc3339(text) if text is not None else None
