"""Lists in pages, newest first. They are cut by a row's place, not by counting past rows: the last costs what the first does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import sqlite_utils

from buildnet_cli.errors import UsageError
from buildnet_cli.store.rows import Row, passed_over, rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, newest first. next: hand it in as `before` for the page after this one; None if this is the last."""

    items: list[T]
    next: str | None


@dataclass(slots=True)
class Filter:
    """Conditions that rows must meet, all of them."""

    conditions: list[str] = field(default_factory=list)
    values: list[Any] = field(default_factory=list)

    def add(self, condition: str, *values: Any) -> None:
        """condition: SQL with a `?` for each value."""
        self.conditions.append(condition)
        self.values.extend(values)

    def add_equal(self, column: str, value: Any) -> None:
        """The column has this value; None asks for nothing."""
        if value is not None:
            self.add(f"{column} = ?", value)

    def add_before(self, cursor: str | None) -> None:
        """Only rows after the page that gave this cursor. Raises UsageError if it is none of ours."""
        if cursor is None:
            return
        if not (cursor.isascii() and cursor.isdigit() and len(cursor) < 19):
            raise UsageError(
                f"{ascii(cursor)[:40]} is no cursor", hint="take the one that the page before gave as next", where="cursor"
            )
        self.add("seq < ?", int(cursor))


def newest_first(db: sqlite_utils.Database, table: str, chosen: Filter, limit: int, read: Callable[[Row], T]) -> Page[T]:
    """Up to `limit` rows of a table, from 1."""
    where = f"WHERE {' AND '.join(chosen.conditions)}" if chosen.conditions else ""
    sql = f"SELECT * FROM {table} {where} ORDER BY seq DESC LIMIT ?"  # noqa: S608  (our own text; what others wrote is in the values)
    found = list(rows(db, sql, [*chosen.values, limit + 1]))
    kept = found[:limit]
    return Page(passed_over(kept, read), str(kept[-1]["seq"]) if len(found) > limit else None)
