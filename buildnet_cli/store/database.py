"""The store: one file, one writer, one reader, and how command-line verbs get at it while no agent lives."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import sqlite_utils

from buildnet_cli.errors import NotFoundError, StorageError
from buildnet_cli.store.connection import close_writer, connect_reader, connect_writer, immediate, snapshot
from buildnet_cli.store.refusal import storage_error
from buildnet_cli.store.writer import JointOperation, Operation, Writer

T = TypeVar("T")
V = TypeVar("V")


class Store:
    """The open database of whoever holds the agent's lock. Open it after the last fork."""

    def __init__(self, path: Path, writer_db: sqlite_utils.Database, reader_db: sqlite_utils.Database) -> None:
        """Use `Store.open`."""
        self.path = path
        self._writer_db = writer_db
        self._reader_db = reader_db
        self._writer = Writer(writer_db, path)
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="store-reader")
        self._is_closed = False

    @classmethod
    def open(cls, path: Path) -> Store:
        """Open, make or upgrade the database; blocks for a moment.

        Raises StorageError, naming the file and the next step, if it is damaged, not ours or of a newer version.
        """
        writer_db = connect_writer(path)
        try:
            return cls(path, writer_db, connect_reader(path))
        except BaseException:
            close_writer(writer_db, path)
            raise

    @property
    def commits(self) -> int:
        """A number that grows whenever something has been stored; as long as it stays, so does what is read."""
        return self._writer.commits

    async def write(self, operation: Operation[T]) -> T:
        """Run `operation(db)` in a transaction of its own or a shared one; stored on disk when this returns.

        Raises StorageError if the database refuses, and whatever the operation raises. Nothing of it is stored then.
        """
        return await self._writer.write(operation)

    async def write_jointly(self, operation: JointOperation[V, T], value: V) -> T:
        """The same, by one run of the operation for all who ask for it at the same time: `operation(db, values)`, an answer each.

        When it raises, it is run for each of them alone.
        """
        return await self._writer.write_jointly(operation, value)

    async def read(self, query: Callable[[sqlite_utils.Database], T]) -> T:
        """Run `query(db)` on one state of the database, beside the writer. It must return values, not open cursors.

        Raises StorageError if the database refuses.
        """
        if self._is_closed:
            raise StorageError("the database is closed", where=str(self.path))
        return await asyncio.get_running_loop().run_in_executor(self._reader, self._read, query)

    def close(self) -> None:
        """Store what was handed in, merge the write-ahead log, let go of the file. Blocks until done; may be called twice."""
        self._is_closed = True
        self._writer.close()
        self._reader.shutdown()
        self._reader_db.close()
        close_writer(self._writer_db, self.path)

    def _read(self, query: Callable[[sqlite_utils.Database], T]) -> T:
        try:
            with snapshot(self._reader_db):
                return query(self._reader_db)
        except sqlite3.Error as exc:
            raise storage_error(exc, self.path) from exc


@contextmanager
def open_readonly(path: Path) -> Iterator[sqlite_utils.Database]:
    """For reading verbs, with or without an agent: one state of the database.

    Raises NotFoundError if there is no database yet, StorageError if it cannot be read.
    """
    if not path.exists():
        raise NotFoundError(
            f"nothing has been recorded yet: there is no {path}", hint="start the agent: buildnet-notify agent start"
        )
    db = connect_reader(path)
    try:
        with snapshot(db):
            yield db
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    finally:
        db.close()


@contextmanager
def open_exclusive(path: Path) -> Iterator[sqlite_utils.Database]:
    """For writing verbs while no agent lives: one transaction, stored when the block ends. The caller holds the agent's lock.

    Raises StorageError, with nothing stored, if the database refuses.
    """
    db = connect_writer(path)
    try:
        with immediate(db):
            yield db
    except sqlite3.Error as exc:
        raise storage_error(exc, path) from exc
    finally:
        close_writer(db, path)
