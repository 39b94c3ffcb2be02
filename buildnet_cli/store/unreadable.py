"""Rows that cannot be read though the pages they lie in are sound: each is set aside as dead, and all others go on."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeVar

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.router import Held
from buildnet_cli.events.priority import Priority
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.rows import FAULTS, Row, rows

_log = logging.getLogger(__name__)

REASON: Final = "what is stored of it cannot be read"
"""Why such a delivery is dead; what is wrong with it follows."""

_BY_RANK = {priority.rank: priority for priority in Priority}

_Read = TypeVar("_Read")

# Its own times are put right, so that it can be listed; the rest stays as it was found. What a digest tells of ends with it.
_SET_ASIDE = """
UPDATE deliveries SET status = 'dead', reason = :reason, reasons = '[]', hold = '', has_turn = 0, lease = NULL,
    next_attempt_at = NULL, finished_at = :now, created_at = CASE WHEN :is_lost THEN :now ELSE created_at END
WHERE seq = :seq RETURNING id
"""

_WAITING_FOR = "SELECT * FROM deliveries WHERE status IN ('pending', 'held') AND next_attempt_at = ?"


def readable(db: sqlite_utils.Database, found: Iterable[Row], read: Callable[[Row], _Read], now: datetime) -> list[_Read]:
    """What is read of each of these deliveries; those that cannot be read are set aside. Inside a transaction."""
    kept = []
    for row in found:
        try:
            kept.append(read(row))
        except FAULTS as exc:
            _set_aside(db, row, str(exc), now)
    return kept


def as_held(db: sqlite_utils.Database, found: Iterable[Row], now: datetime) -> list[Held]:
    """Those of these deliveries that can be read, each with its event, for the router."""

    def read(row: Row) -> Held:
        return Held(deliveries.from_row(row), events.get(db, row["event_id"]), _BY_RANK[row["rank"]])

    return readable(db, found, read, now)


def moment(db: sqlite_utils.Database, due: str | None, now: datetime) -> datetime | None:
    """A time for which deliveries wait, as it is stored. What waits for a time that is none is set aside: then look again now."""
    try:
        return from_rfc3339(due) if due is not None else None
    except ValueError as exc:
        for row in list(rows(db, _WAITING_FOR, [due])):
            _set_aside(db, row, str(exc), now)
        return now


def count(db: sqlite_utils.Database) -> int:
    """How many were set aside."""
    sql = "SELECT count(*) FROM deliveries WHERE status = 'dead' AND reason GLOB ?"
    return int(db.execute(sql, [f"{REASON}*"]).fetchone()[0])


def _set_aside(db: sqlite_utils.Database, row: Row, fault: str, now: datetime) -> None:
    reason = f"{REASON}: {ascii(fault)[1:-1][:160]}"
    values = {"seq": row["seq"], "reason": reason, "now": to_rfc3339(now), "is_lost": not _is_time(row["created_at"])}
    (id_,) = db.execute(_SET_ASIDE, values).fetchone()
    deliveries.advance_lines(db, [id_])
    _log.error("%s is set aside: %s", id_, reason)


def _is_time(text: str) -> bool:
    try:
        from_rfc3339(text)
    except ValueError:
        return False
    return True
