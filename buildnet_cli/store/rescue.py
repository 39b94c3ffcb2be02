"""A damaged database is put aside whole, and what nobody has been told yet is taken over into a new one."""

from __future__ import annotations

import logging
import os
import sqlite3
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import sqlite_utils

from buildnet_cli.clock import from_rfc3339
from buildnet_cli.delivery.model import Delivery
from buildnet_cli.errors import StorageError
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.connection import connect_writer, immediate, open_readable, wal_of
from buildnet_cli.store.outbox import insert
from buildnet_cli.store.rows import Row
from buildnet_cli.store.soundness import fault_of

_log = logging.getLogger(__name__)

CHECK_SECS: Final = 3.0
"""How long a start looks for damage; what that leaves of a large file is looked at while the agent runs."""

FOLDER: Final = "damaged"
"""Beside the database: where damaged ones are kept, each in a folder of its own."""

_UNDELIVERED = "status IN ('pending', 'held')"

# As a power of two; and failed reads in each stretch up to the next one, after which the rest of it is left: few where nothing
# can be read at all, as beyond the end of a file that was cut off.
_LARGEST_SEQ = 36
_MOST_FAILURES = 4000
_FEWEST_FAILURES = 100

# The first 100 bytes of each of our databases, but for what no reader needs. Source: sqlite.org/fileformat.html
_HEADER = (
    b"SQLite format 3\x00\x10\x00\x01\x01\x00\x40\x20\x20" + bytes(20) + b"\x00\x00\x00\x04" + bytes(8) + b"\x00\x00\x00\x01"
)


@dataclass(frozen=True, slots=True)
class Rescue:
    """What was done. fault: what was wrong. folder: where the damaged file is. saved: deliveries that were taken over."""

    fault: str
    folder: Path
    saved: int

    def __str__(self) -> str:
        saved = f"{self.saved} undelivered {'message was' if self.saved == 1 else 'messages were'} taken over"
        return f"the database was damaged ({self.fault}); it was put aside into {self.folder}, and {saved}"


def rescue(path: Path, now: datetime) -> Rescue | None:
    """Put the database aside if it is damaged, and begin a new one; None if it is sound. The caller holds the agent's lock.

    Raises StorageError if the disk refuses, or if the file is not ours.
    """
    fault = fault_of(path, within_secs=CHECK_SECS)
    if not fault:
        return None
    folder = _put_aside(path, now)
    kept = folder / path.name
    db = connect_writer(path)
    try:
        with immediate(db):
            saved = _take_over(kept, db, now)
    finally:
        db.close()
    done = Rescue(fault, folder, saved)
    _log.error("%s", done)
    return done


def _put_aside(path: Path, now: datetime) -> Path:
    folder = path.parent / FOLDER / f"{now:%Y%m%dT%H%M%S}.{os.getpid()}"
    try:
        folder.mkdir(mode=0o700, parents=True)
        # The database last: if we are interrupted, what is left is found damaged again.
        for each in (wal_of(path), path.with_name(f"{path.name}-shm"), path):
            if each.exists():
                each.rename(folder / each.name)
    except OSError as exc:
        raise StorageError(
            f"the database {path} is damaged and cannot be put aside: {(exc.strerror or 'refused').lower()}",
            hint=f"move it aside, with its -wal and -shm: mv {path}* ELSEWHERE",
            where=str(path),
        ) from exc
    return folder


def _take_over(kept: Path, db: sqlite_utils.Database, now: datetime) -> int:
    rows = {row["id"]: row for row in _readable(kept, "deliveries", _UNDELIVERED) if _is_whole(row, deliveries.from_row)}
    if not rows:
        return 0
    wanted = {row["event_id"] for row in rows.values()}
    told = {row["id"]: row for row in _readable(kept, "events", "1") if row["id"] in wanted and _is_whole(row, events.from_row)}
    saved = [row for row in rows.values() if row["event_id"] in told]
    for event in sorted((told[id_] for id_ in {row["event_id"] for row in saved}), key=lambda each: each["seq"]):
        accepted_at = from_rfc3339(event["accepted_at"])
        events.insert(db, events.from_row(event), accepted_at=accepted_at, unheard="", key=event.get("key") or "")
    for row in sorted(saved, key=lambda each: each["seq"]):
        insert(db, [deliveries.to_row(_as_new(row, now), subject=row["subject"], rank=row["rank"])])
    known = {row["id"] for row in saved}
    for row in saved:
        if row.get("folded_into") in known:
            sql = "UPDATE deliveries SET folded_into = ?, next_attempt_at = NULL WHERE id = ?"
            db.execute(sql, [row["folded_into"], row["id"]])
    return len(saved)


def _is_whole(row: Row, read: Callable[[Row], object]) -> bool:
    """Whether a row is what we once wrote: what stands in a damaged page may be anything."""
    try:
        read({**_SINCE_THEN, **row})
        return all(isinstance(row[name], str) for name in ("subject", "recipient") if name in row) and isinstance(row["seq"], int)
    except (LookupError, TypeError, ValueError, AttributeError):
        return False


# What the first version did not have.
_SINCE_THEN: Final = {"hold": "", "folded_into": None, "repeats": 0, "incident": "", "address": "", "answers": ""}


def _as_new(row: Row, now: datetime) -> Delivery:
    """A delivery as it was, but for its attempts, whose record is lost; it may have been under way, and may repeat."""
    before = deliveries.from_row({**_SINCE_THEN, **row})
    reason = "taken over from a damaged database; it may have arrived, and may repeat"
    due = before.next_attempt_at or now
    return replace(before, reason=reason, attempts=0, answer="", folded_into=None, next_attempt_at=due)


def _readable(kept: Path, table: str, condition: str) -> Iterator[dict[str, Any]]:
    """Every row that can be had: where a stretch cannot be read, its halves are tried."""
    sql = f"SELECT * FROM {table} NOT INDEXED WHERE {condition} AND seq BETWEEN ? AND ?"  # noqa: S608  (our own text)
    db = _open_leniently(kept)
    try:
        for power in range(_LARGEST_SEQ):
            stretches, failures, most = deque([(1 << power, (2 << power) - 1)]), 0, _FEWEST_FAILURES
            while stretches and failures < most:
                first, last = stretches.popleft()
                try:
                    yield from list(db.query(sql, [first, last]))
                    most = _MOST_FAILURES
                except (sqlite3.Error, UnicodeDecodeError):
                    failures += 1
                    if first < last:
                        middle = (first + last) // 2
                        stretches += [(first, middle), (middle + 1, last)]
    finally:
        db.close()


def _open_leniently(kept: Path) -> sqlite_utils.Database:
    db = open_readable(kept)
    try:
        db.execute("PRAGMA writable_schema = ON")  # so that SQLite goes on where it finds something wrong
        db.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.DatabaseError:
        db.close()
        db = open_readable(_with_a_header(kept))
        db.execute("PRAGMA writable_schema = ON")
    return db


def _with_a_header(kept: Path) -> Path:
    """A copy whose header is as it was, for a file that has lost no more than that."""
    copy = kept.with_name(f"{kept.name}.repaired")
    if not copy.exists():
        content = kept.read_bytes()
        descriptor = os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(_HEADER.ljust(100, b"\x00") + content[100:])
    return copy
