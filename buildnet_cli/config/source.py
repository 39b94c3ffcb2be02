"""Reads the bytes of a configuration file, if its kind, size, owner and mode allow to trust it, and decodes them."""

from __future__ import annotations

import codecs
import os
import stat
from dataclasses import dataclass
from pathlib import Path

from buildnet_cli.config.problems import InvalidConfigError, Problem, Severity

LARGEST_BYTES = 1024 * 1024

_BYTE_ORDER_MARKS = (  # longest first: UTF-32 begins like UTF-16
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)


@dataclass(frozen=True)
class Source:
    """A file's text. mode: its permission bits."""

    text: str
    mode: int

    @property
    def is_readable_by_others(self) -> bool:
        return bool(self.mode & 0o044)


def read_source(path: Path) -> Source:
    """Read a file that only its owner can have written.

    Raises InvalidConfigError if there is none, or if it is no regular file, too large, somebody else's, writable by others,
    or not text.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO waits for its writer for ever.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError as exc:
        raise _refusal("there is no configuration file", file=str(path), hint="buildnet-notify init") from exc
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    try:
        info = os.fstat(handle)
        _check(path, info)
        with os.fdopen(handle, "rb", closefd=False) as file:
            data = file.read(LARGEST_BYTES + 1)
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    finally:
        os.close(handle)
    if len(data) > LARGEST_BYTES:
        raise _refusal(
            f"the file is larger than {LARGEST_BYTES // 1024} KiB, which no configuration needs",
            file=str(path),
            hint="check that this is the right file",
        )
    return Source(decode(data, str(path)), stat.S_IMODE(info.st_mode))


def decode(data: bytes, file: str) -> str:
    """The text of a file: UTF-8, or what its byte order mark says. Raises InvalidConfigError if it is neither."""
    encoding = next((name for mark, name in _BYTE_ORDER_MARKS if data.startswith(mark)), "utf-8")
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as exc:
        line = data.count(b"\n", 0, exc.start) + 1
        column = exc.start - data.rfind(b"\n", 0, exc.start)
        raise _refusal(
            f"the file is not {encoding.removesuffix('-sig').upper()} text: byte 0x{data[exc.start]:02x} has no meaning there",
            file=file,
            line=line,
            column=column,
            hint="save it as UTF-8",
        ) from exc


def _check(path: Path, info: os.stat_result) -> None:
    if not stat.S_ISREG(info.st_mode):
        raise _refusal(f"this is {_kind(info.st_mode)}, not a regular file", file=str(path), hint="name a YAML file")
    if info.st_uid not in (os.geteuid(), 0):
        raise _refusal(
            f"the file belongs to another user (uid {info.st_uid}), who could give themselves any permission",
            file=str(path),
            hint=f"chown {os.geteuid()} {path} && chmod 0600 {path}",
        )
    # A group that carries its user's number is that user's own, as most distributions set it up; it adds nobody.
    writable_by = stat.S_IWOTH if info.st_gid == info.st_uid else stat.S_IWOTH | stat.S_IWGRP
    if info.st_mode & writable_by:
        raise _refusal(
            f"its permissions {stat.S_IMODE(info.st_mode):04o} let others write to it, and so give themselves any permission;"
            " it must be 0600",
            file=str(path),
            hint=f"chmod 0600 {path}",
        )


def _kind(mode: int) -> str:
    for test, name in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISCHR, "a device"),
        (stat.S_ISBLK, "a device"),
    ):
        if test(mode):
            return name
    return "something else"


def _unreadable(path: Path, exc: OSError) -> InvalidConfigError:
    return _refusal(
        f"the file cannot be read: {(exc.strerror or 'refused').lower()}", file=str(path), hint="check its owner and mode"
    )


def _refusal(message: str, *, file: str, hint: str, line: int = 0, column: int = 0) -> InvalidConfigError:
    return InvalidConfigError(file, [Problem(Severity.ERROR, message, hint, file, line, column)])
