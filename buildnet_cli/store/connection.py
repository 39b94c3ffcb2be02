"""Connections to our one database file, set up alike, and proof that the file is ours."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlite_utils

from buildnet_cli.errors import StorageError
from buildnet_cli.store.migrations import SCHEMA_VERSION, migrations
from buildnet_cli.store.refusal import storage_error

APPLICATION_ID = 0x42_4E_4E_44  # "BNND", in the file's header, so that no other program's database is taken for ours

_LOCK_WAIT_SECS = 5.0
_PAGE_BYTES = 4096


def connect_writer(path: Path) -> sqlite_utils.Database:
    """Open for writing; the file is made, or brought to the present schema, first.

    There may be one such connection at a time: the holder of the agent's lock has it, and ends it with `close_writer`.
    Raises StorageError, naming the file, if it cannot be opened, is not ours or comes from a newer version.
    """
    _prepare_file(path)
    try:
        db = _connect(path.resolve().as_uri())
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    try:
        check_ownership(db, path)
        db.conn.execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes effect in a new file only, and cannot be changed later
        db.conn.execute("PRAGMA journal_mode = WAL")
        db.conn.execute("PRAGMA synchronous = FULL")  # accepted means on disk, power cut or not
        db.conn.execute("PRAGMA foreign_keys = ON")
        _migrate(db, path)
        _note_open(path)
    except BaseException as exc:
        db.close()
        if isinstance(exc, sqlite3.Error):
            raise storage_error(exc, path) from exc
        raise
    return db


def connect_reader(path: Path) -> sqlite_utils.Database:
    """Open for reading, whether an agent lives or not.

    Raises StorageError if the file is missing, not ours, or of another schema than this version reads.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise _not_yet_ours(path)  # unopened, for SQLite would remove its log
    try:
        db = _connect(f"{path.resolve().as_uri()}?mode=ro")
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    try:
        if check_ownership(db, path) < SCHEMA_VERSION:
            raise _not_yet_ours(path)
    except BaseException as exc:
        db.close()
        if isinstance(exc, sqlite3.Error):
            raise storage_error(exc, path) from exc
        raise
    return db


def close_writer(db: sqlite_utils.Database, path: Path) -> None:
    """End a writer's connection; what is in its log is merged into the file, unless somebody reads it at this moment."""
    db.close()
    if not wal_of(path).exists():
        _mark_of(path).unlink(missing_ok=True)


def lost_log(path: Path) -> bool:
    """Whether the write-ahead log that a killed writer left has been removed, and with it what was only there.

    Asked before the file is opened: SQLite itself would not notice.
    """
    return path.exists() and _mark_of(path).exists() and not wal_of(path).exists()


def wal_of(path: Path) -> Path:
    """The write-ahead log beside a database."""
    return path.with_name(f"{path.name}-wal")


def open_readable(path: Path) -> sqlite_utils.Database:
    """Open a file of any state for reading, unchecked. Raises sqlite3.Error."""
    return _connect(f"{path.resolve().as_uri()}?mode=ro")


def _not_yet_ours(path: Path) -> StorageError:
    return StorageError(
        f"{path} is empty, or was written by an older version",
        hint="run buildnet-notify agent start once; it brings the file up to date",
        where=str(path),
    )


def check_ownership(db: sqlite_utils.Database, path: Path) -> int:
    """The schema version of a file that is ours, 0 for an empty one.

    Raises StorageError if the file is another program's, or comes from a newer version of this one.
    """
    application_id, version, tables = db.conn.execute(
        "SELECT (SELECT application_id FROM pragma_application_id), (SELECT user_version FROM pragma_user_version),"
        " (SELECT count(*) FROM sqlite_master)"
    ).fetchone()
    if application_id != APPLICATION_ID and (application_id or version or tables):
        raise StorageError(
            f"{path} is a database of another program", hint=f"move it aside: mv {path} {path}.other", where=str(path)
        )
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path} was written by a newer version (schema {version}, this one knows {SCHEMA_VERSION})",
            hint="upgrade buildnet-notify, or move the file aside to begin anew",
            where=str(path),
        )
    return int(version)


@contextmanager
def immediate(db: sqlite_utils.Database) -> Iterator[sqlite_utils.Database]:
    """A write transaction that takes the lock at once, so that what it reads first cannot be outdated when it writes."""
    db.conn.execute("BEGIN IMMEDIATE")
    try:
        yield db
        db.conn.execute("COMMIT")
    except BaseException:
        db.rollback()
        raise


@contextmanager
def snapshot(db: sqlite_utils.Database) -> Iterator[sqlite_utils.Database]:
    """A read transaction: everything in it sees one state of the database."""
    db.conn.execute("BEGIN")
    try:
        yield db
    finally:
        db.rollback()


def _connect(uri: str) -> sqlite_utils.Database:
    # isolation_level None: the driver begins nothing behind our back. Each connection is used by one thread at a time.
    connection = sqlite3.connect(uri, uri=True, timeout=_LOCK_WAIT_SECS, isolation_level=None, check_same_thread=False)
    # What it takes to undo a part of a transaction stays out of the public folder for temporary files: that may be full.
    connection.execute("PRAGMA temp_store = MEMORY")
    return sqlite_utils.Database(connection, execute_plugins=False)


def _prepare_file(path: Path) -> None:
    # Before SQLite opens it: closing any other descriptor of an open database would drop SQLite's locks.
    # The -wal and -shm files take their mode from this one.
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        reason = "is a symlink" if path.is_symlink() else (exc.strerror or "cannot be opened").lower()
        raise StorageError(
            f"the database {path} cannot be opened: {reason}", hint="check the file's owner and mode", where=str(path)
        ) from exc
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise StorageError(f"{path} is no regular file", hint="move it aside", where=str(path))
        if stat.S_IMODE(info.st_mode) != 0o600:
            os.fchmod(descriptor, 0o600)
        if info.st_size == 0 and _has_log(path):
            # SQLite takes an empty file for a new one, and removes the log, which may hold everything.
            os.ftruncate(descriptor, _PAGE_BYTES)
    finally:
        os.close(descriptor)


def _mark_of(path: Path) -> Path:
    return path.with_name(f"{path.name}-open")


def _note_open(path: Path) -> None:
    """Leave a mark that lasts until the log is merged."""
    if wal_of(path).exists():
        os.close(os.open(_mark_of(path), os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600))


def _keep_copy(db: sqlite_utils.Database, path: Path) -> None:
    """A copy of the file as the former version left it, beside it."""
    (version,) = db.conn.execute("PRAGMA user_version").fetchone()
    if not version:
        return  # it is new
    copy = path.with_name(f"{path.name}.schema-{version}")
    _prepare_file(copy)
    target = sqlite3.connect(copy)
    try:
        db.conn.backup(target)
    finally:
        target.close()


def _has_log(path: Path) -> bool:
    log = wal_of(path)
    return log.is_file() and log.stat().st_size > 0


def _migrate(db: sqlite_utils.Database, path: Path) -> None:
    if not migrations.pending(db):
        return
    _keep_copy(db, path)
    with immediate(db):
        migrations.apply(db)
        db.conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.conn.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
