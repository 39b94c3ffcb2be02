"""Events as rows: stored once, never changed."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from functools import cache

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.errors import NotFoundError, UsageError
from buildnet_cli.events.model import Event
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.messages.digest import PREFIX as DIGEST_PREFIX
from buildnet_cli.store.page import Filter, Page, newest_first
from buildnet_cli.store.rows import Row, rows

_COLUMNS = "(id, type, priority, message, subject, source, timestamp, accepted_at, payload, unheard, key)"
_ROW = "(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"

INSERT = f"INSERT INTO events {_COLUMNS} VALUES {_ROW} ON CONFLICT DO NOTHING"  # noqa: S608  (put together from our own text)

_ENCODER = json.JSONEncoder(separators=(",", ":"), allow_nan=False)

# Every type once, by jumping from one to the next in the index instead of walking all events.
_TYPES = """
WITH RECURSIVE kinds (type) AS (
    SELECT min(type) FROM events
    UNION ALL
    SELECT (SELECT min(type) FROM events WHERE type > kinds.type) FROM kinds WHERE kinds.type IS NOT NULL
)
SELECT type FROM kinds WHERE type IS NOT NULL
"""

# Rows are stored in the order of acceptance, so a time is a place among them.
_PLACE_OF_TIME = "seq >= (SELECT seq FROM events WHERE accepted_at >= ? ORDER BY accepted_at, seq LIMIT 1)"


def insert(db: sqlite_utils.Database, event: Event, *, accepted_at: datetime, unheard: str, key: str) -> bool:
    """Store an event; False if one with its id or its key is there already.

    unheard: why nobody is to hear of it; empty if somebody is. key: its producer's own; empty for none.
    """
    return insert_all(db, [(event, unheard, key)], accepted_at=accepted_at) == [True]


def insert_all(db: sqlite_utils.Database, given: Sequence[tuple[Event, str, str]], *, accepted_at: datetime) -> list[bool]:
    """The same for many, at least one and at most 1,000, each with why it is unheard and its key.

    One statement for all of them costs less, and lets other threads work meanwhile.
    """
    moment = to_rfc3339(accepted_at)
    values = [value for event, unheard, key in given for value in _to_row(event, moment, unheard, key)]
    new = {row[0] for row in db.conn.execute(_insert(len(given)), values)}
    is_new = []
    for event, _, _ in given:
        is_new.append(event.id in new)
        new.discard(event.id)  # a second one of the same id is none
    return is_new


@cache
def _insert(count: int) -> str:
    many = ", ".join([_ROW] * count)
    return f"INSERT INTO events {_COLUMNS} VALUES {many} ON CONFLICT DO NOTHING RETURNING id"  # noqa: S608  (our own text)


def _to_row(event: Event, accepted_at: str, unheard: str, key: str) -> tuple[str | None, ...]:
    return (
        event.id,
        event.type,
        event.priority.value,
        event.message,
        event.subject,
        event.source,
        to_rfc3339(event.timestamp),
        accepted_at,
        _ENCODER.encode(event.payload),
        unheard,
        key or None,
    )


def note_unheard(db: sqlite_utils.Database, event_id: str, unheard: str) -> None:
    """Say otherwise than at first why nobody is to hear of an event."""
    db.execute("UPDATE events SET unheard = ? WHERE id = ?", [unheard, event_id])


def find(db: sqlite_utils.Database, event_id: str) -> Event | None:
    """The event of this id."""
    row = next(rows(db, "SELECT * FROM events WHERE id = ?", [event_id]), None)
    return from_row(row) if row is not None else None


def find_twin(db: sqlite_utils.Database, event: Event, key: str) -> Event:
    """What was stored before with an event's id or key."""
    row = next(rows(db, "SELECT * FROM events WHERE id = ? OR key = ?", [event.id, key]))
    return from_row(row)


def get(db: sqlite_utils.Database, event_id: str) -> Event:
    """The event of this id. Raises NotFoundError if there is none."""
    event = find(db, event_id)
    if event is None:
        raise NotFoundError(f"there is no event {ascii(event_id)[1:-1][:40]}")
    return event


def newest(db: sqlite_utils.Database) -> Event:
    """The newest event that was routed; a digest is a message, not an event of its own. Raises NotFoundError if there is none."""
    sql = "SELECT * FROM events WHERE type NOT GLOB ? ORDER BY seq DESC LIMIT 1"
    row = next(rows(db, sql, [f"{DIGEST_PREFIX}*"]), None)
    if row is None:
        raise NotFoundError("no event has been recorded yet", hint="hand one in: buildnet-notify emit custom.hello")
    return from_row(row)


def why_unheard(db: sqlite_utils.Database, event_id: str) -> str:
    """Why nobody was to hear of an event; empty if somebody was, or if there is no such event."""
    row = db.execute("SELECT unheard FROM events WHERE id = ?", [event_id]).fetchone()
    return str(row[0]) if row is not None else ""


def page(
    db: sqlite_utils.Database,
    *,
    pattern: Pattern | None = None,
    priority: Priority | None = None,
    subject: str | None = None,
    since: datetime | None = None,
    before: str | None = None,
    limit: int = 50,
) -> Page[Event]:
    """Events, newest first. since: accepted at this time or later. Raises UsageError if `before` is no cursor."""
    chosen = Filter()
    if pattern is not None and pattern.text != "*":
        chosen.add(*_meant_by(db, pattern))
    chosen.add_equal("priority", priority.value if priority is not None else None)
    chosen.add_equal("subject", subject)
    if since is not None:
        chosen.add(_PLACE_OF_TIME, to_rfc3339(since))
    chosen.add_before(before)
    return newest_first(db, "events", chosen, limit, from_row)


def place_of(db: sqlite_utils.Database, since: str | datetime | None) -> int:
    """The place after which a listener wants what comes: an event of this id, a time, or the newest of all; 0 is the start.

    Raises UsageError for an id that is unknown.
    """
    if isinstance(since, str):
        row = db.execute("SELECT seq FROM events WHERE id = ?", [since]).fetchone()
        if row is None:
            raise UsageError(f"there is no event {ascii(since)[1:-1][:40]}", hint="a time will do, too", where="since")
        return int(row[0])
    if since is not None:
        row = db.execute("SELECT min(seq) - 1 FROM events WHERE accepted_at >= ?", [to_rfc3339(since)]).fetchone()
        if row[0] is not None:
            return int(row[0])
    return int(db.execute("SELECT coalesce(max(seq), 0) FROM events").fetchone()[0])


def after_place(db: sqlite_utils.Database, *, place: int, limit: int) -> list[tuple[int, Event]]:
    """The events stored after a place, oldest first, each with its own."""
    sql = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
    return [(row["seq"], from_row(row)) for row in rows(db, sql, [place, limit])]


def _meant_by(db: sqlite_utils.Database, pattern: Pattern) -> list[str]:
    """A condition for the events that a pattern means, and its values."""
    # Patterns are read by one piece of code, here as in routing: it is asked about each type that occurs.
    other = next(priority for priority in Priority if priority is not pattern.priority)
    types = [row[0] for row in db.execute(_TYPES) if pattern.matches(row[0], other)]
    is_type = f"type IN ({', '.join('?' * len(types))})"
    if pattern.priority is None:
        return [is_type, *types]
    return [f"(priority = ? OR {is_type})", pattern.priority.value, *types]


def from_row(row: Row) -> Event:
    """The event that a row of this table holds."""
    return Event(
        id=row["id"],
        type=row["type"],
        priority=Priority(row["priority"]),
        message=row["message"],
        subject=row["subject"],
        source=row["source"],
        timestamp=from_rfc3339(row["timestamp"]),
        payload=json.loads(row["payload"]),
    )
