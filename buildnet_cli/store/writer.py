"""The one thread that writes. It commits together whatever has been handed in by the time a commit begins."""

from __future__ import annotations

import asyncio
import itertools
import logging
import queue
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import sqlite_utils

from buildnet_cli.errors import StorageError
from buildnet_cli.store.connection import immediate
from buildnet_cli.store.presence import Presence
from buildnet_cli.store.refusal import storage_error

_log = logging.getLogger(__name__)

T = TypeVar("T")
V = TypeVar("V")
Operation = Callable[[sqlite_utils.Database], T]
"""Reads and writes the database, and does nothing else: it may be rolled back, and run again."""
JointOperation = Callable[[sqlite_utils.Database, Sequence[V]], Sequence[T]]
"""The same for several callers at once: what each handed in, and what each is answered, in the same order."""

# A group any larger gains nothing, and keeps its first caller waiting.
_LARGEST_GROUP = 512


@dataclass(slots=True)
class _Job:
    """An operation, what its caller hands in, who waits for it, and how it ended."""

    operation: JointOperation[Any, Any]
    value: Any
    future: asyncio.Future[Any]
    loop: asyncio.AbstractEventLoop
    result: Any = None
    error: BaseException | None = None


class Writer:
    """Runs operations in transactions, in the order in which they are handed in. An error of one is its caller's alone.

    When one of a group fails, the others are run once more: an operation does nothing but read and write its database.
    """

    def __init__(self, db: sqlite_utils.Database, path: Path) -> None:
        """db: this thread's own connection; closing it stays with the caller. commits: how many groups have been stored."""
        self._db = db
        self._path = path
        self._presence = Presence(db, path)
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._is_closed = False
        # `close` comes from another thread than `write`: no job may be handed in after the last one.
        self._handing_in = threading.Lock()
        self.commits = 0
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)
        self._thread.start()

    async def write(self, operation: Operation[T]) -> T:
        """Run an operation; what it did is on disk when this returns. Cancelling the wait does not undo it.

        Raises StorageError if the database refuses, and whatever the operation raises; nothing of it is stored then.
        """
        return await self.write_jointly(lambda db, _: [operation(db)], None)

    async def write_jointly(self, operation: JointOperation[V, T], value: V) -> T:
        """The same, by one run of the operation for all who stand in line with it one behind the other."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        with self._handing_in:
            if self._is_closed:
                raise StorageError("the database is closed", where=str(self._path))
            self._jobs.put(_Job(operation, value, future, loop))
        return await future

    def close(self) -> None:
        """Finish everything handed in, then end the thread. Blocks until it has."""
        with self._handing_in:
            if not self._is_closed:
                self._is_closed = True
                self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            group = [job]
            self._commit(group)
            _answer(group)

    def _take_in(self, group: list[_Job]) -> None:
        """Add what has been handed in meanwhile."""
        while len(group) < _LARGEST_GROUP and not self._jobs.empty():
            job = self._jobs.get_nowait()
            if job is None:
                self._jobs.put(None)  # the end, which comes after this group
                return
            group.append(job)

    def _commit(self, group: list[_Job]) -> None:
        """Nearly always nothing fails, and no job has to be guarded against another. If one does, all are done again, guarded."""
        try:
            self._transact(group, self._do)
        except Exception as exc:  # noqa: BLE001  (whatever it is, it comes again below, or its callers are told)
            if getattr(exc, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                self._refuse(group, exc)  # it has been waited for, and everybody behind waits too
            else:
                self._commit_guarded(group)

    def _commit_guarded(self, group: list[_Job]) -> None:
        try:
            self._transact(group, self._apply)
        except Exception as exc:  # noqa: BLE001  (the thread outlives whatever happens; every caller is told)
            self._refuse(group, exc)

    def _refuse(self, group: list[_Job], exc: Exception) -> None:
        error = storage_error(exc, self._path) if isinstance(exc, sqlite3.Error) else exc
        _log.warning("a group of %d writes was not stored: %s", len(group), error)
        for job in group:
            job.error = job.error or error

    def _transact(self, group: list[_Job], do: Callable[[Sequence[_Job]], None]) -> None:
        self._presence.require()
        with immediate(self._db):
            done = 0
            while done < len(group):
                joint = _next_alike(group, done)
                do(joint)
                done += len(joint)
                if done == len(group):
                    self._take_in(group)
        self._presence.require()
        self.commits += 1

    def _do(self, joint: Sequence[_Job]) -> None:
        results = joint[0].operation(self._db, [job.value for job in joint])
        for job, result in zip(joint, results, strict=True):
            job.result = result

    def _apply(self, joint: Sequence[_Job]) -> None:
        for job in joint:
            self._apply_alone(job)

    def _apply_alone(self, job: _Job) -> None:
        connection = self._db.conn
        connection.execute("SAVEPOINT job")
        try:
            (job.result,) = job.operation(self._db, [job.value])
        except Exception as exc:
            job.error = storage_error(exc, self._path) if isinstance(exc, sqlite3.Error) else exc
            if not connection.in_transaction:
                # A full disk or a failing one ends the whole transaction, and with it what the others had written.
                raise job.error from exc
            connection.execute("ROLLBACK TO job")
        connection.execute("RELEASE job")


def _next_alike(group: Sequence[_Job], first: int) -> Sequence[_Job]:
    """The jobs from a place on that are of one operation."""
    operation = group[first].operation
    return list(itertools.takewhile(lambda job: job.operation == operation, group[first:]))


def _answer(group: list[_Job]) -> None:
    """Wake all callers of one loop at once: waking it for each of them would cost more than the writes."""
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        try:
            loop.call_soon_threadsafe(_resolve, jobs)
        except RuntimeError:
            _log.debug("%d writes were stored after their event loop had ended", len(jobs))


def _resolve(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.done():
            continue
        if job.error is not None:
            job.future.set_exception(job.error)
        else:
            job.future.set_result(job.result)
