"""Rows by the names of their columns. The `query` of sqlite-utils sets a savepoint around each, which costs more than it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, Final, TypeVar

import sqlite_utils

from buildnet_cli.errors import NotFoundError

_log = logging.getLogger(__name__)

Row = dict[str, Any]

FAULTS: Final = (NotFoundError, LookupError, TypeError, ValueError, AttributeError)
"""What reading a row may raise whose content is not what we once wrote, though the page it lies in is sound."""

_Read = TypeVar("_Read")


def rows(db: sqlite_utils.Database, sql: str, values: Sequence[Any] | Mapping[str, Any] = ()) -> Iterator[Row]:
    """What a SELECT finds, row by row."""
    cursor = db.conn.execute(sql, values)
    names = [column[0] for column in cursor.description]
    for row in cursor:
        yield dict(zip(names, row, strict=True))


def passed_over(found: Iterable[Row], read: Callable[[Row], _Read]) -> list[_Read]:
    """What is read of rows that only remember or show something; those that cannot be read are as if they were not there."""
    kept = []
    for row in found:
        try:
            kept.append(read(row))
        except FAULTS as exc:
            _log.error("a row cannot be read, and is passed over: %s", ascii(str(exc))[1:-1][:160])
    return kept
