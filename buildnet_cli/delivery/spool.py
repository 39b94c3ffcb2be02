"""Where events wait while no agent lives: one file per hand-over, safe on disk before the producer is told so.

Each event has an id from the start, so that taking a file in twice, after a crash in between, accepts nothing twice.
"""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildnet_cli.delivery.outbox import Write
from buildnet_cli.engine.handover import as_handed, read_build
from buildnet_cli.engine.model import Build
from buildnet_cli.errors import StorageError, UsageError
from buildnet_cli.events.model import EventDraft, read_draft
from buildnet_cli.ids import new_id

if TYPE_CHECKING:
    from buildnet_cli.delivery.ingest import Ingest

_log = logging.getLogger(__name__)

MAX_BYTES = 32 * 1024 * 1024
"""Largest file that is written or read."""

REJECTED = "rejected"
"""Folder inside the spool for what could not be read; each file has its reason beside it."""

# Events of one transaction: whoever else writes or is answered gets a turn in between.
_MOST_AT_ONCE = 500

_NAME = re.compile(r"spool_[0-9a-z]{26}\.json")
_TEMPORARY = re.compile(r"\.spool_[0-9a-z]{26}\.tmp")


@dataclass(frozen=True, slots=True)
class SpoolFile:
    """One hand-over. source: the door it came in by. builds: states that belong with the events."""

    path: Path
    source: str
    drafts: tuple[EventDraft, ...]
    builds: tuple[Build, ...] = ()

    def remove(self) -> None:
        """Forget a file whose events are stored. One that cannot be removed is taken in again, to no effect."""
        try:
            self.path.unlink(missing_ok=True)
            _sync_folder(self.path.parent)
        except OSError as exc:
            _log.warning("%s cannot be removed: %s", self.path, exc.strerror)


def write(spool: Path, drafts: Sequence[Mapping[str, Any]], *, source: str, builds: Sequence[Build] = ()) -> Path:
    """Store events, and states of builds, for the next agent. They survive a power cut once this returns.

    drafts: parsed JSON, as `read_draft` takes it; those without an id are given one. source: the door they came in by.
    Raises UsageError if one of them is no event, StorageError if the disk refuses; nothing is stored then.
    """
    if not drafts and not builds:
        raise UsageError("there is no event to store", hint="hand in at least one")
    for draft in drafts:
        read_draft(draft)
    entries = [draft if draft.get("id") else {**draft, "id": new_id("evt")} for draft in drafts]
    content = {"source": source, "events": entries, "builds": [as_handed(build) for build in builds]}
    data = json.dumps(content, separators=(",", ":")).encode("ascii")
    if len(data) > MAX_BYTES:
        raise UsageError(
            f"these events take {len(data)} bytes; at most {MAX_BYTES} are taken at once", hint="hand them in in parts"
        )
    name = new_id("spool")
    path, temporary = spool / f"{name}.json", spool / f".{name}.tmp"
    try:
        spool.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_through(temporary, data)
            temporary.rename(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(spool)
    except OSError as exc:
        raise StorageError(
            f"the events could not be stored in {spool}: {(exc.strerror or 'refused').lower()}",
            hint="check the free space and the folder's mode; nothing was accepted",
            where=str(spool),
        ) from exc
    return path


def read(spool: Path) -> Iterator[SpoolFile]:
    """What waits, oldest first. Whatever is no file of ours is set aside with a reason, and never followed, run or trusted."""
    try:
        names = sorted(entry.name for entry in os.scandir(spool))
    except FileNotFoundError:
        return
    except OSError as exc:
        _log.error("the spool %s cannot be read: %s", spool, exc.strerror)
        return
    for name in names:
        if name == REJECTED or _TEMPORARY.fullmatch(name):
            continue  # the latter is being written, or was never acknowledged
        path = spool / name
        try:
            yield _read_file(path)
        except FileNotFoundError:
            continue
        except OSError as exc:
            _log.error("%s cannot be read now: %s", path, exc.strerror)
        except (_NotOursError, UsageError) as exc:
            _set_aside(path, str(exc))


async def take_in(spool: Path, ingest: Ingest, put: Callable[[Sequence[Build]], Write]) -> int:
    """Accept everything that waits; how many events that were.

    put: the store's write for states of builds.
    Raises StorageError if the database refuses; what is not accepted by then stays.
    """
    count = 0
    files = read(spool)
    # Reading waits for the disk, and a large file takes its time: in a thread, so that the loop goes on meanwhile.
    while (file := await asyncio.to_thread(next, files, None)) is not None:
        builds = [put(file.builds)] if file.builds else []
        for first in range(0, max(len(file.drafts), 1), _MOST_AT_ONCE):
            await ingest.accept_many(file.drafts[first : first + _MOST_AT_ONCE], source=file.source, along_with=builds)
            builds = []
        await asyncio.to_thread(file.remove)
        count += len(file.drafts)
    return count


class _NotOursError(Exception):
    """A file in the spool that we did not write, or not to its end."""


def _read_file(path: Path) -> SpoolFile:
    if not _NAME.fullmatch(path.name):
        raise _NotOursError("its name is none that we give")
    try:
        content = json.loads(_read_bytes(path))
    except (ValueError, RecursionError) as exc:
        raise _NotOursError("it is no JSON, or not all of it") from exc
    if not isinstance(content, dict) or not isinstance(content.get("source"), str):
        raise _NotOursError("it holds no list of events")
    entries, builds = content.get("events"), content.get("builds", [])
    if not isinstance(entries, list) or not isinstance(builds, list) or not (entries or builds):
        raise _NotOursError("it holds no list of events")
    drafts = tuple(read_draft(entry) for entry in entries)
    if not all(draft.id for draft in drafts):
        raise _NotOursError("an event in it has no id")
    return SpoolFile(path, content["source"], drafts, tuple(read_build(build) for build in builds))


def _read_bytes(path: Path) -> bytes:
    try:
        # Neither through a symlink, nor waiting for the writer of a pipe.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as exc:
        if exc.errno in (errno.ELOOP, errno.ENXIO, errno.EACCES):
            raise _NotOursError("it is a symlink, a socket, or closed to us") from exc
        raise
    try:
        info = os.fstat(descriptor)
        if not stat.S_ISREG(info.st_mode):
            raise _NotOursError("it is no regular file")
        if info.st_uid != os.geteuid():
            raise _NotOursError("it belongs to somebody else")
        if info.st_size > MAX_BYTES:
            raise _NotOursError(f"it has {info.st_size} bytes; at most {MAX_BYTES} are read")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(MAX_BYTES)
    finally:
        os.close(descriptor)


def _set_aside(path: Path, reason: str) -> None:
    folder = path.parent / REJECTED
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        name = f"{path.name}.bad"
        if os.path.lexists(folder / name):
            name = f"{new_id('spool')}.{name}"
        path.rename(folder / name)
        (folder / f"{name}.reason").write_text(f"{reason}\n", encoding="utf-8")
    except OSError as exc:
        _log.error("%s is no event file (%s) and cannot be set aside: %s", path, reason, exc.strerror)
        return
    _log.error("%s was set aside into %s: %s", path.name, folder, reason)


def _write_through(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
