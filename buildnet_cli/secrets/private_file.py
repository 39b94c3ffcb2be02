"""Files that only their owner may read: how they are read, made, replaced and locked."""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from buildnet_cli.errors import ConfigError, StorageError


def read_private(path: Path) -> bytes | None:
    """The whole file; None if there is none.

    Raises ConfigError if somebody else could have read or written it, StorageError if it cannot be read.
    """
    try:
        # Without blocking, because opening a pipe that somebody put here would wait for its other end.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as exc:
        if exc.errno == errno.ELOOP:
            raise ConfigError(f"{path} is a symlink", hint="replace it by the file itself, mode 0600", where=str(path)) from exc
        raise _refused(path, "read", exc) from exc
    with os.fdopen(descriptor, "rb") as file:
        _require_private(path, os.fstat(descriptor))
        try:
            return file.read()
        except OSError as exc:
            raise _refused(path, "read", exc) from exc


def create_private(path: Path, content: bytes) -> None:
    """Write a new file of mode 0600 and see it on the disk.

    Raises StorageError if it exists already or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _refused(path, "made", exc) from exc
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        _sync_folder(path.parent)
    except OSError as exc:
        path.unlink(missing_ok=True)
        raise _refused(path, "written", exc) from exc


def replace_private(path: Path, content: bytes) -> None:
    """Put new content in the file's place, whole or not at all, whatever happens meanwhile.

    Raises StorageError if it cannot be written; the old content then stays.
    """
    fresh = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    create_private(fresh, content)
    try:
        fresh.replace(path)
        _sync_folder(path.parent)
    except OSError as exc:
        fresh.unlink(missing_ok=True)
        raise _refused(path, "replaced", exc) from exc


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep every other process that changes files of this folder waiting for as long as the block lasts."""
    try:
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    except OSError as exc:
        raise _refused(folder / ".lock", "opened", exc) from exc
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _require_private(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise ConfigError(f"{path} is not a regular file", hint="move it away", where=str(path))
    if info.st_uid != os.geteuid():
        raise ConfigError(
            f"{path} belongs to another user (uid {info.st_uid})", hint=f"chown it to yourself: {path}", where=str(path)
        )
    if info.st_mode & 0o077:
        raise ConfigError(
            f"{path} is open to other users (mode {stat.S_IMODE(info.st_mode):04o}); it must be 0600",
            hint=f"chmod 0600 {path}, and change the secrets in it if others use this machine",
            where=str(path),
        )


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(path: Path, what: str, exc: OSError) -> StorageError:
    return StorageError(
        f"{path} cannot be {what} ({(exc.strerror or 'refused').lower()})",
        hint="check its owner, its mode and the free space",
        where=str(path),
    )
