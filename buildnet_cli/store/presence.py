"""Whether the files that are written to still bear their names: what goes into one that was removed is gone when it is closed."""

from __future__ import annotations

import logging
import sqlite3
from pathlib import Path

import sqlite_utils

from buildnet_cli.errors import StorageError
from buildnet_cli.store.connection import wal_of

_log = logging.getLogger(__name__)

_Identity = tuple[int, int]


class Presence:
    """Watches a database that is open, and its log. Used in the writer's thread alone."""

    def __init__(self, db: sqlite_utils.Database, path: Path) -> None:
        self._db = db
        self._path = path
        self._files = (path, wal_of(path))
        self._known = self._identities()

    def require(self) -> None:
        """Raises StorageError if one of the files was removed or replaced; what is in it is written to the old name, once."""
        if self._identities() == self._known:
            return
        if not self._path.exists():
            self._write_anew()
        raise StorageError(
            f"the database {self._path} was removed or replaced while it was in use; nothing more is accepted",
            hint="buildnet-notify agent restart",
            where=str(self._path),
        )

    def _write_anew(self) -> None:
        try:
            self._db.conn.execute("VACUUM INTO ?", [str(self._path)])
            self._path.chmod(0o600)
        except (sqlite3.Error, OSError) as exc:
            _log.critical("the database was removed, and cannot be written anew: %s", exc)
            return
        _log.critical("the database was removed while it was in use; everything in it was written anew to %s", self._path)

    def _identities(self) -> list[_Identity | None]:
        return [_identity_of(each) for each in self._files]


def _identity_of(path: Path) -> _Identity | None:
    try:
        info = path.stat()
    except FileNotFoundError:
        return None
    return info.st_dev, info.st_ino
