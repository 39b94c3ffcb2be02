"""Rows by the names of their columns. The `query` of sqlite-utils sets a savepoint around each, which costs more than it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import sqlite_utils

Row = dict[str, Any]


def rows(db: sqlite_utils.Database, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[Row]:
    """What a SELECT finds, row by row."""
    cursor = db.conn.execute(sql, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))
