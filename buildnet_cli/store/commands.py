"""Commands as rows: written before they take effect, completed after."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlite_utils

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.delivery.clean import clean_object, clean_text
from buildnet_cli.store.database import Store
from buildnet_cli.store.page import Filter, Page, Row, newest_first

_BEGIN = """
INSERT INTO commands (request_id, command, status, channel, principal, timestamp, result, message)
VALUES (:request_id, :command, 'executing', :channel, :principal, :timestamp, '{}', '')
"""
_FINISH = "UPDATE commands SET command = ?, status = ?, result = ?, message = ?, finished_at = ? WHERE request_id = ?"


class StoredCommands:
    """Implements `commands/model.CommandLog`."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def begin(self, entry: Mapping[str, Any]) -> None:
        row = {name: clean_text(str(entry[name])) for name in ("request_id", "command", "channel", "principal", "timestamp")}
        await self._store.write(lambda db: db.execute(_BEGIN, row))

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
        await self._store.write(lambda db: db.execute(_FINISH, values))

    async def interrupt_unfinished(self, now: datetime) -> None:
        """Close the rows of commands that were executing when a former agent ended. They are told of, and never run again."""
        values = ["interrupted", "the agent ended while it ran; it was not run again", to_rfc3339(now)]
        sql = "UPDATE commands SET status = ?, message = ?, finished_at = ? WHERE status = 'executing'"
        await self._store.write(lambda db: db.execute(sql, values))


def page(db: sqlite_utils.Database, *, before: str | None = None, limit: int = 50) -> Page[Row]:
    """Commands, newest first: `{request_id, command, status, channel, principal, timestamp, finished_at, result, message}`.

    status: executing until it is finished. Raises UsageError if `before` is no cursor.
    """
    chosen = Filter()
    chosen.add_before(before)
    return newest_first(db, "commands", chosen, limit, _from_row)


def find(db: sqlite_utils.Database, request_id: str) -> Row | None:
    """The command of this request, in the form of `page`."""
    row = next(db.query("SELECT * FROM commands WHERE request_id = ?", [request_id]), None)
    return _from_row(row) if row is not None else None


def _from_row(row: Row) -> Row:
    return {name: json.loads(value) if name == "result" else value for name, value in row.items() if name != "seq"}
