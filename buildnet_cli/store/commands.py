"""Commands as rows, each with its entry in the audit: written before they take effect, completed after."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlite_utils

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.audit import GENESIS, Anchor, Entry, Request, Seals, anchor
from buildnet_cli.delivery.clean import clean_object, clean_text
from buildnet_cli.errors import BuildNetError
from buildnet_cli.store import audit
from buildnet_cli.store.database import Store
from buildnet_cli.store.page import Filter, Page, newest_first
from buildnet_cli.store.rows import Row, rows

_log = logging.getLogger(__name__)

_BEGIN = """
INSERT INTO commands (request_id, command, status, channel, principal, timestamp, result, message)
VALUES (?, ?, 'executing', ?, ?, ?, '{}', '')
"""
_TAKE_IN = "INSERT INTO inbound (channel, message_id, at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING"
_FINISH = "UPDATE commands SET command = ?, status = ?, result = ?, message = ?, finished_at = ? WHERE request_id = ?"
_EXECUTING = "SELECT request_id, command FROM commands WHERE status = 'executing' ORDER BY seq"


class StoredCommands:
    """Implements `commands/model.CommandLog`.

    seals: what the audit is sealed with. mishap: what had happened to the database since; empty for nothing.
    """

    def __init__(self, store: Store, seals: Seals, mishap: str = "") -> None:
        self._store = store
        self._seals = seals
        self._mishap = mishap
        self._anchor: Anchor | None = None
        self._anchoring = asyncio.Lock()

    async def begin(self, request: Request, principal: str, message_id: str = "") -> bool:
        key = await self._go_on(request.timestamp)

        def begin(db: sqlite_utils.Database) -> bool:
            if message_id and not db.execute(_TAKE_IN, [request.channel, clean_text(message_id), request.timestamp]).rowcount:
                return False
            named = (request.command, request.channel, principal, request.timestamp)
            db.execute(_BEGIN, [request.request_id, *map(clean_text, named)])
            audit.begin(db, key, request)
            return True

        return await self._store.write(begin)

    async def finish(
        self, request_id: str, *, command: str, status: str, result: Mapping[str, Any], message: str, finished_at: datetime
    ) -> None:
        values = [
            clean_text(command),
            status,
            json.dumps(clean_object(result)),
            clean_text(message),
            to_rfc3339(finished_at),
            request_id,
        ]
        key = await self._go_on(to_rfc3339(finished_at))

        def finish(db: sqlite_utils.Database) -> Entry | None:
            db.execute(_FINISH, values)
            return audit.end(db, key, request_id, status, command, result)

        await self._write(key, finish)

    async def reject(self, request: Request, reason: str) -> None:
        """Write down an attempt that was turned away before it was a command: forged, or a stranger's."""
        key = await self._go_on(request.timestamp)

        def reject(db: sqlite_utils.Database) -> Entry | None:
            audit.begin(db, key, request)
            return audit.end(db, key, request.request_id, "rejected", "", {"reason": reason})

        await self._write(key, reject)

    async def interrupt_unfinished(self, now: datetime) -> None:
        """Close the rows of commands that were executing when a former agent ended. They are told of, and never run again."""
        message = "the agent ended while it ran; it was not run again"
        for request_id, command in await self._store.read(lambda db: db.execute(_EXECUTING).fetchall()):
            await self.finish(request_id, command=command, status="interrupted", result={}, message=message, finished_at=now)

    async def note_mishap(self, now: datetime) -> None:
        """Write down in the audit what had happened to the database, if there was an audit."""
        try:
            if self._mishap and await asyncio.to_thread(self._seals.read_anchor) is not None:
                await self._go_on(to_rfc3339(now))
        except BuildNetError as exc:  # no command runs until it can be written down
            _log.error("the audit cannot go on: %s", exc.message)

    async def _go_on(self, timestamp: str) -> bytes:
        """The key, once the chain reaches its anchor, or tells that it does not: the anchor is about to move on."""
        key = await asyncio.to_thread(self._seals.key)
        async with self._anchoring:
            anchored = self._anchor or await asyncio.to_thread(self._seals.read_anchor)
            flaw = await self._store.read(lambda db: audit.gap(db, key, anchored))
            if flaw is not None:
                entry = await self._store.write(lambda db: audit.go_on(db, key, timestamp, flaw, self._mishap))
                await self._put_anchor(anchor(key, entry.seq, entry.newest_seal))
            elif anchored is None:
                await self._put_anchor(anchor(key, 0, GENESIS))
        return key

    async def _put_anchor(self, new: Anchor) -> None:
        await asyncio.to_thread(self._seals.put_anchor, new)
        self._anchor = new

    async def _write(self, key: bytes, end: Callable[[sqlite_utils.Database], Entry | None]) -> None:
        """Write, and then keep where the chain ends now. Should we end in between, the anchor is of before, which is no flaw."""
        async with self._anchoring:
            newest = await self._store.write(end)
            if newest is not None:
                await self._put_anchor(anchor(key, newest.seq, newest.newest_seal))


def page(db: sqlite_utils.Database, *, before: str | None = None, limit: int = 50) -> Page[Row]:
    """Commands, newest first: `{request_id, command, status, channel, principal, timestamp, finished_at, result, message}`.

    status: executing until it is finished. Raises UsageError if `before` is no cursor.
    """
    chosen = Filter()
    chosen.add_before(before)
    return newest_first(db, "commands", chosen, limit, _from_row)


def find(db: sqlite_utils.Database, request_id: str) -> Row | None:
    """The command of this request, in the form of `page`."""
    row = next(rows(db, "SELECT * FROM commands WHERE request_id = ?", [request_id]), None)
    return _from_row(row) if row is not None else None


def _from_row(row: Row) -> Row:
    return {name: json.loads(value) if name == "result" else value for name, value in row.items() if name != "seq"}
