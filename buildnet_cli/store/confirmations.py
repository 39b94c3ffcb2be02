"""Commands that wait for their code, as rows."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.commands.confirm import TRIES, Pending
from buildnet_cli.ids import new_id
from buildnet_cli.store.database import Store
from buildnet_cli.store.rows import rows

_KEPT = timedelta(days=1)

# The same command is asked for anew, or it is the third that waits beside this one.
_REPLACE = """
UPDATE confirmations SET state = 'replaced'
WHERE state = 'open' AND channel = :channel AND identifier = :identifier AND (command = :command OR request_id NOT IN (
    SELECT request_id FROM confirmations
    WHERE state = 'open' AND channel = :channel AND identifier = :identifier AND command <> :command
    ORDER BY request_id DESC LIMIT 2))
"""
_ADD = """
INSERT INTO confirmations VALUES
    (:request_id, :command, :channel, :identifier, :salt, :digest, :expires_at, :state, :tries)
"""
_TAKE_TRY = """
UPDATE confirmations SET tries = tries + 1
WHERE state = 'open' AND channel = :channel AND identifier = :identifier AND tries < :most AND expires_at > :now
    AND command = coalesce(:command, command) AND request_id = coalesce(:request_id, request_id)
RETURNING *
"""
_NEWEST = """
SELECT * FROM confirmations
WHERE channel = :channel AND identifier = :identifier AND state <> 'locked'
    AND command = coalesce(:command, command) AND request_id = coalesce(:request_id, request_id)
ORDER BY request_id DESC LIMIT 1
"""
_TALLY = """
SELECT count(*), coalesce(sum(tries - (state = 'confirmed')), 0) FROM confirmations
WHERE channel = ? AND identifier = ? AND state <> 'locked' AND expires_at > ?
"""
# A lock is a row of its own, for no command and with no code.
_LOCK = """
INSERT INTO confirmations VALUES (?, '', ?, ?, x'', x'', ?, 'locked', 0)
"""
_LOCKED = "SELECT max(expires_at) FROM confirmations WHERE state = 'locked' AND channel = ? AND identifier = ? AND expires_at > ?"
_OPEN = """
SELECT * FROM confirmations
WHERE state = 'open' AND channel = :channel AND identifier = :identifier AND tries < :most AND expires_at > :now
ORDER BY request_id DESC
"""


class StoredConfirmations:
    """Implements `commands/confirm.ConfirmationStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def add(self, pending: Pending) -> None:
        await self._store.write(lambda db: _add(db, pending))

    async def take_try(
        self, channel: str, identifier: str, *, command: str | None, request_id: str | None, now: datetime
    ) -> list[Pending]:
        wanted = {"channel": channel, "identifier": identifier, "command": command, "request_id": request_id}
        tried = await self._store.write(lambda db: _rows(db, _TAKE_TRY, {**wanted, "most": TRIES, "now": to_rfc3339(now)}))
        return sorted(tried, key=lambda pending: pending.request_id, reverse=True)

    async def close(self, request_id: str, state: str) -> bool:
        sql = "UPDATE confirmations SET state = ? WHERE request_id = ? AND state = 'open'"
        return await self._store.write(lambda db: bool(db.execute(sql, [state, request_id]).rowcount == 1))

    async def newest(self, channel: str, identifier: str, *, command: str | None, request_id: str | None) -> Pending | None:
        wanted = {"channel": channel, "identifier": identifier, "command": command, "request_id": request_id}
        found = await self._store.read(lambda db: _rows(db, _NEWEST, wanted))
        return found[0] if found else None

    async def open_ones(self, channel: str, identifier: str, now: datetime) -> list[Pending]:
        wanted = {"channel": channel, "identifier": identifier, "most": TRIES, "now": to_rfc3339(now)}
        return await self._store.read(lambda db: _rows(db, _OPEN, wanted))

    async def tally(self, channel: str, identifier: str, *, expiring_after: datetime) -> tuple[int, int]:
        asked = [channel, identifier, to_rfc3339(expiring_after)]
        codes, wrong = await self._store.read(lambda db: db.execute(_TALLY, asked).fetchone())
        return int(codes), int(wrong)

    async def lock(self, channel: str, identifier: str, *, now: datetime, until: datetime) -> bool:
        def lock(db: sqlite_utils.Database) -> bool:
            if _locked(db, channel, identifier, now) is not None:
                return False
            db.execute(_LOCK, [new_id("lock"), channel, identifier, to_rfc3339(until)])
            return True

        return await self._store.write(lock)

    async def locked_until(self, channel: str, identifier: str, now: datetime) -> datetime | None:
        return await self._store.read(lambda db: _locked(db, channel, identifier, now))


def _locked(db: sqlite_utils.Database, channel: str, identifier: str, now: datetime) -> datetime | None:
    (until,) = db.execute(_LOCKED, [channel, identifier, to_rfc3339(now)]).fetchone()
    return from_rfc3339(until) if until is not None else None


def _add(db: sqlite_utils.Database, pending: Pending) -> None:
    row = {**asdict(pending), "expires_at": to_rfc3339(pending.expires_at)}
    db.execute("DELETE FROM confirmations WHERE expires_at < ?", [to_rfc3339(pending.expires_at - _KEPT)])
    db.execute(_REPLACE, {name: row[name] for name in ("channel", "identifier", "command")})
    db.execute(_ADD, row)


def _rows(db: sqlite_utils.Database, sql: str, values: dict[str, Any]) -> list[Pending]:
    return [Pending(**{**row, "expires_at": from_rfc3339(row["expires_at"])}) for row in rows(db, sql, values)]
