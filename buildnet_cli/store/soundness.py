"""Whether a database is sound: the check that SQLite makes of its own pages, for as long as there is time for it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import sqlite_utils

from buildnet_cli.errors import StorageError
from buildnet_cli.store.connection import check_ownership, connect_reader, open_readable

# Virtual-machine steps between two looks at the clock.
_STEPS = 20_000
_DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})


def fault_of(path: Path, *, within_secs: float) -> str | None:
    """What is wrong with the file, in a few words; empty if it is sound or not there, None if there was no time to see it all.

    Raises StorageError for a database of another program or of a newer version: nothing is wrong with that, but it is not ours.
    """
    if not path.is_file() or path.is_symlink() or path.stat().st_size == 0:
        return ""
    try:
        db = open_readable(path)
    except sqlite3.Error as exc:
        return _words(exc)
    deadline = time.monotonic() + within_secs
    try:
        check_ownership(db, path)
        return _checked(db, lambda: time.monotonic() > deadline)
    except sqlite3.Error as exc:
        return _words(exc)
    finally:
        db.close()


def fault_in_all(path: Path, is_over: Callable[[], bool]) -> str | None:
    """The same for a database in use, without haste; None if it was called off. is_over: whether nobody waits any more."""
    try:
        db = connect_reader(path)
    except StorageError as exc:
        return exc.message
    try:
        return _checked(db, is_over)
    finally:
        db.close()


def _checked(db: sqlite_utils.Database, is_over: Callable[[], bool]) -> str | None:
    db.conn.set_progress_handler(is_over, _STEPS)
    try:
        (answer,) = db.execute("PRAGMA quick_check(1)").fetchone()
    except sqlite3.Error as exc:
        return None if exc.sqlite_errorcode & 0xFF == sqlite3.SQLITE_INTERRUPT else _words(exc)
    finally:
        db.conn.set_progress_handler(None, 0)
    return "" if answer == "ok" else " ".join(str(answer).split())[:200]


def _words(exc: sqlite3.Error) -> str:
    """What an error says of the file; empty if it is about something else, such as a lock or the disk."""
    return str(exc) if getattr(exc, "sqlite_errorcode", 0) & 0xFF in _DAMAGED else ""
