"""Who writes the database: one holder of a file lock at a time, which ends with its process whatever ends that."""

from __future__ import annotations

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from buildnet_cli.errors import ConflictError, StorageError

_STEP_SECS = 0.1


class AgentLock:
    """A lock on the state folder, with a note of who holds it.

    Taken after the last fork and closed on exec, so that no child keeps it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd: int | None = None

    def acquire(self, *, wait_secs: float = 0.0) -> None:
        """Take the lock.

        wait_secs: how long somebody else may keep it, such as a verb of the terminal that is about to end.
        Raises ConflictError if it is still held, StorageError if its file cannot be opened.
        """
        try:
            fd = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            raise StorageError(f"{self._path} cannot be opened ({(exc.strerror or 'refused').lower()})") from exc
        deadline = time.monotonic() + wait_secs
        while True:
            try:
                fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() < deadline:
                    time.sleep(0.02)  # the holder cannot wake us; it ends within moments or not at all
                    continue
                os.close(fd)
                raise ConflictError(f"{self._path.parent} is in use by another process") from None
            self._fd = fd
            return

    def note(self, **facts: Any) -> None:
        """Write down who holds the lock, for people and for `holder`."""
        assert self._fd is not None, "only the holder writes the note"
        text = json.dumps({"pid": os.getpid(), **facts}).encode()
        os.ftruncate(self._fd, 0)
        os.pwrite(self._fd, text, 0)

    def release(self) -> None:
        """Give the lock up. The file stays: removing it would let two processes hold one of each."""
        if self._fd is not None:
            os.ftruncate(self._fd, 0)
            os.close(self._fd)
            self._fd = None

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.release()


def holder(path: Path) -> dict[str, Any] | None:
    """What the holder noted down; None if nobody holds the lock, whatever the file says."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except OSError:
        return None
    try:
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _read_note(fd)
        return None
    finally:
        os.close(fd)


def acquire_or_meet(lock: AgentLock, path: Path, *, wait_secs: float) -> dict[str, Any] | None:
    """Take the lock; or the note of the agent that holds it, as soon as that one serves.

    wait_secs: how long somebody else may keep it who is no agent. Raises ConflictError if it is still held then.
    """
    for _ in range(round(wait_secs / _STEP_SECS)):
        try:
            lock.acquire(wait_secs=_STEP_SECS)
        except ConflictError:
            running = holder(path)
            if running is not None and "api" in running:
                return running
        else:
            return None
    raise ConflictError(f"{path.parent} is in use by another process", hint="try again when that has ended")


def _read_note(fd: int) -> dict[str, Any]:
    try:
        note = json.loads(os.pread(fd, 4096, 0))
    except ValueError:
        return {}
    return note if isinstance(note, dict) else {}
