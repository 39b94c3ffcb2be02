"""The real tables in memory, without file or thread, and the real outbox on top of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from typing import Any

import sqlite_utils

from buildnet_cli.errors import StorageError
from buildnet_cli.store.connection import immediate
from buildnet_cli.store.migrations import migrations


def memory_database() -> sqlite_utils.Database:
    """An empty database of the present schema."""
    db = sqlite_utils.Database(sqlite3.connect(":memory:", isolation_level=None))
    db.conn.execute("PRAGMA foreign_keys = ON")
    migrations.apply(db)
    return db


class MemoryStore:
    """Stands in for `buildnet_cli.store.database.Store`: the same transactions, at once and in this thread.

    refuses: while set, every write fails as it does on a full disk.
    """

    def __init__(self) -> None:
        self.db = memory_database()
        self.refuses = False
        self.writes = 0

    async def write(self, operation: Callable[[sqlite_utils.Database], Any]) -> Any:
        if self.refuses:
            raise StorageError("the disk is full")
        self.writes += 1
        with immediate(self.db):
            return operation(self.db)

    async def write_jointly(self, operation: Callable[[sqlite_utils.Database, Sequence[Any]], Sequence[Any]], value: Any) -> Any:
        return await self.write(lambda db: operation(db, [value])[0])

    async def read(self, query: Callable[[sqlite_utils.Database], Any]) -> Any:
        return query(self.db)
