"""What SQLite's refusals mean to a person: one sentence and one next step each."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from buildnet_cli.errors import StorageError

# Primary result codes. Source: sqlite.org/rescode.html
_SENTENCES = {
    sqlite3.SQLITE_FULL: ("the disk is full", "free some space; nothing that was accepted is lost"),
    sqlite3.SQLITE_BUSY: ("another process keeps the database locked", "try again; find the process with: fuser FILE"),
    sqlite3.SQLITE_LOCKED: ("another process keeps the database locked", "try again; find the process with: fuser FILE"),
    sqlite3.SQLITE_READONLY: (
        "the database is read-only",
        "check the file's mode and whether its file system is mounted read-only",
    ),
    sqlite3.SQLITE_IOERR: (
        "the disk does not read or write",
        "check the free space, the quota and the system's log for disk errors",
    ),
    sqlite3.SQLITE_CANTOPEN: ("the database cannot be opened", "check the file's owner, its mode and the free space"),
    sqlite3.SQLITE_CORRUPT: ("the database is damaged", "move FILE aside, with its -wal and -shm, and start again"),
    sqlite3.SQLITE_NOTADB: ("the file is no SQLite database", "move FILE aside and start again"),
    sqlite3.SQLITE_TOOBIG: ("a value is larger than a database takes", "hand in less at once"),
}


def storage_error(exc: sqlite3.Error, path: Path) -> StorageError:
    """The refusal as our own error: what happened, to which file, and what to do."""
    code = getattr(exc, "sqlite_errorcode", None)
    sentence, hint = _SENTENCES.get(code & 0xFF if code is not None else -1, (f"the database refused: {exc}", ""))
    return StorageError(f"{sentence} ({path})", hint=hint.replace("FILE", str(path)), where=str(path))
