"""Mutes as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlite_utils

from buildnet_cli.clock import Clock, from_rfc3339, to_rfc3339
from buildnet_cli.delivery.mutes import PREVIEWED, read_mute
from buildnet_cli.errors import NotFoundError
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.routing.decision import Stage
from buildnet_cli.routing.memory import Mute
from buildnet_cli.routing.mute import covers
from buildnet_cli.store import events
from buildnet_cli.store.database import Store
from buildnet_cli.store.rows import Row, passed_over, rows

_MOST_PREVIEWED = 5000


class StoredMutes:
    """Mutes, for whoever asks the agent."""

    def __init__(self, store: Store, clock: Clock, on_removed: Callable[[], None]) -> None:
        """on_removed: called when what a mute held is to be decided again."""
        self._store = store
        self._clock = clock
        self._on_removed = on_removed

    async def add(self, wanted: Mapping[str, Any], by: str) -> dict[str, Any]:
        """Mute as asked; the mute, and what it would have hidden. Raises UsageError if it cannot be."""
        mute = read_mute(wanted, self._clock.now())
        return await self._store.write(lambda db: add_and_preview(db, mute, by))

    async def items(self) -> list[dict[str, Any]]:
        """Those that have not ended."""
        now = self._clock.now()
        return [as_wire(mute) for mute in await self._store.read(lambda db: active(db, now))]

    async def remove(self, mute_id: str) -> dict[str, Any]:
        """End one now. Raises NotFoundError if there is none of this id."""
        now = self._clock.now()
        mute = await self._store.write(lambda db: remove(db, mute_id, now))
        self._on_removed()
        return as_wire(mute)


def add_and_preview(db: sqlite_utils.Database, mute: Mute, by: str) -> dict[str, Any]:
    """Store a mute; its wire form with `would_have_hidden`: type → count, over the last day."""
    add(db, mute, by)
    return {**as_wire(mute), "would_have_hidden": preview(db, mute, mute.created_at - PREVIEWED)}


def active(db: sqlite_utils.Database, now: datetime) -> list[Mute]:
    """Those that have not ended, oldest first."""
    return passed_over(rows(db, "SELECT * FROM mutes WHERE until > ? ORDER BY id", [to_rfc3339(now)]), _from_row)


def add(db: sqlite_utils.Database, mute: Mute, by: str) -> None:
    """by: who asked for it."""
    row = [mute.id, mute.pattern.text, mute.subject, to_rfc3339(mute.until), mute.reason, to_rfc3339(mute.created_at), by]
    db.execute("INSERT INTO mutes VALUES (?, ?, ?, ?, ?, ?, ?)", row)


def remove(db: sqlite_utils.Database, mute_id: str, now: datetime) -> Mute:
    """End a mute now; what it held is decided again at once. Raises NotFoundError if there is no such mute, or no longer."""
    mute = next((each for each in active(db, now) if each.id == mute_id), None)
    if mute is None:
        raise NotFoundError(f"there is no mute {ascii(mute_id)[1:-1][:40]}", hint="see: buildnet-notify mute list")
    moment = to_rfc3339(now)
    db.execute("UPDATE mutes SET until = ? WHERE id = ?", [moment, mute_id])
    sql = "UPDATE deliveries SET next_attempt_at = ? WHERE status = 'held' AND hold = ? AND folded_into IS NULL"
    db.execute(sql, [moment, Stage.MUTE.value])
    return mute


def preview(db: sqlite_utils.Database, mute: Mute, since: datetime) -> dict[str, int]:
    """How many events of each type it would have hidden, had it been there since a time: most first."""
    counts: dict[str, int] = {}
    page = events.page(db, pattern=mute.pattern, subject=mute.subject, since=since, limit=_MOST_PREVIEWED)
    for event in page.items:
        if covers(mute, event, mute.created_at):
            counts[event.type] = counts.get(event.type, 0) + 1
    return dict(sorted(counts.items(), key=lambda each: (-each[1], each[0])))


def as_wire(mute: Mute) -> dict[str, Any]:
    """`{id, pattern, subject, until, reason, created_at}`."""
    return {
        "id": mute.id,
        "pattern": mute.pattern.text,
        "subject": mute.subject,
        "until": to_rfc3339(mute.until),
        "reason": mute.reason,
        "created_at": to_rfc3339(mute.created_at),
    }


def _from_row(row: Row) -> Mute:
    return Mute(
        row["id"],
        Pattern.parse(row["pattern"]),
        from_rfc3339(row["until"]),
        row["reason"],
        from_rfc3339(row["created_at"]),
        row["subject"],
    )
