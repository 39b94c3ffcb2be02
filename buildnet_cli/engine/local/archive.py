"""A folder as one file and back: archives that are the same for the same content, and never reach outside their folder.

Both directions keep the same rules, so that nothing is packed which would be refused later. Symlinks stay symlinks.
Source of the layout: BuildNet daemon 0.1.0, `.tar.gz` of the output folder with names that begin with `./`.
"""

from __future__ import annotations

import gzip
import os
import posixpath
import shutil
import stat
import tarfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from buildnet_cli.engine.local.outputs import entries_below

_CHUNK: Final = 1 << 20
_LONGEST_PATH: Final = 512
_LONGEST_NAME: Final = 255
_DEEPEST: Final = 128

# The daemon packs fast rather than small, too.
_COMPRESSION: Final = 1


class ArchiveError(Exception):
    """A folder that cannot be an archive, or an archive that is damaged or malicious. The message says which and why."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What an archive may hold at most.

    size: of all files together, unpacked, in bytes. ratio: of that to the archive's own size, once it is above `harmless`.
    """

    members: int = 200_000
    size: int = 32 << 30
    ratio: int = 200
    harmless: int = 64 << 20

    def size_within(self, packed: int) -> int:
        """What an archive of this size may hold, in bytes. Zeros shrink to a thousandth; hardly any honest folder does."""
        return min(self.size, max(self.harmless, packed * self.ratio))


def pack(folder: Path, target: IO[bytes], *, limits: Limits, is_stopped: Callable[[], bool]) -> int:
    """Write a folder's archive; how many files and symlinks it holds. Owners, times and modes but `x` are left out.

    Raises ArchiveError if it holds what no archive may, or if it was stopped; OSError if it cannot be read or written.
    """
    guard = _Guard(limits.members, limits.size)
    files = 0
    with (
        gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=target, mtime=0) as compressed,
        tarfile.open(fileobj=compressed, mode="w|", format=tarfile.PAX_FORMAT, bufsize=_CHUNK) as tar,
    ):
        for path, status in sorted(entries_below(folder)):
            if is_stopped():
                raise ArchiveError("the archive was not finished: the build was stopped")
            info = _described(folder, path, status)
            guard.admit(info)
            info.name = f"./{info.name}"
            if info.isreg():
                with _opened(folder / path) as content:
                    tar.addfile(info, content)
            else:
                tar.addfile(info)
            files += not info.isdir()
    if guard.size > limits.size_within(target.tell()):
        raise ArchiveError("the archive would be taken for a trap: it holds far more than its own size")
    return files


def unpack(source: Path, folder: Path, *, limits: Limits, is_stopped: Callable[[], bool]) -> None:
    """Unpack into a new folder; every member is judged before a byte of it is written. On any error the folder is gone again.

    Raises ArchiveError if the archive holds what none may, is damaged, or if it was stopped; OSError if it cannot be read
    or written.
    """
    folder.mkdir()
    try:
        with (
            gzip.open(source, "rb") as compressed,
            tarfile.open(fileobj=compressed, mode="r|", bufsize=_CHUNK, tarinfo=_StrictTarInfo, errorlevel=2) as tar,
        ):
            guard = _Guard(limits.members, limits.size_within(source.stat().st_size))
            _unpack(tar, folder, guard, is_stopped)
    except BaseException as exc:
        shutil.rmtree(folder, ignore_errors=True)
        damages = (tarfile.TarError, gzip.BadGzipFile, zlib.error, EOFError, ValueError, FileExistsError, NotADirectoryError)
        if isinstance(exc, damages):
            raise ArchiveError(f"the archive is damaged: {exc}") from exc
        raise


def _unpack(tar: tarfile.TarFile, folder: Path, guard: _Guard, is_stopped: Callable[[], bool]) -> None:
    links: list[tuple[Path, str]] = []
    while (info := tar.next()) is not None:
        if is_stopped():
            raise ArchiveError("the archive was not unpacked: the build was stopped")
        tar.members.clear()  # type: ignore[attr-defined]  # the library would keep each of them
        if not guard.admit(info):
            continue
        path = folder / info.name
        if info.isdir():
            path.mkdir(parents=True, exist_ok=True)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        if info.issym():
            links.append((path, info.linkname))
        else:
            _write(tar, info, path)
    # Last, so that nothing can have been written through one of them.
    for path, target in links:
        path.symlink_to(target)


def _write(tar: tarfile.TarFile, info: tarfile.TarInfo, path: Path) -> None:
    content = tar.extractfile(info)
    if content is None:
        raise ArchiveError(f"the archive holds nothing under the name {info.name!a}")
    mode = 0o777 if info.mode & stat.S_IXUSR else 0o666  # the umask takes its part
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with open(descriptor, "wb", buffering=0) as file:  # noqa: PTH123  (a descriptor has no path)
        shutil.copyfileobj(content, file, _CHUNK)
        if os.fstat(descriptor).st_size != info.size:
            raise ArchiveError(f"the archive is cut off within {info.name!a}")


def _described(folder: Path, path: str, status: os.stat_result) -> tarfile.TarInfo:
    info = tarfile.TarInfo(path)
    info.mode = 0o755 if stat.S_ISDIR(status.st_mode) or status.st_mode & stat.S_IXUSR else 0o644
    if stat.S_ISDIR(status.st_mode):
        info.type = tarfile.DIRTYPE
    elif stat.S_ISLNK(status.st_mode):
        info.type, info.mode = tarfile.SYMTYPE, 0o777
        info.linkname = os.readlink(folder / path)  # noqa: PTH115  (a Path would tidy up what it says)
    elif stat.S_ISREG(status.st_mode):
        info.size = status.st_size
    else:
        raise ArchiveError(f"no archive may hold {path!a}: it is no file, folder or symlink")
    return info


def _opened(path: Path) -> IO[bytes]:
    return open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "rb")  # noqa: PTH123  (a descriptor has no path)


class _Guard:
    """Judges the members of one archive, one after the other. size: of all that it admitted, in bytes."""

    def __init__(self, most_members: int, most_bytes: int) -> None:
        self._most_members = most_members
        self._most_bytes = most_bytes
        self._names: set[str] = set()
        self.size = 0

    def admit(self, info: tarfile.TarInfo) -> bool:
        """Clean a member's name; False for the folder itself, which is there already. Raises ArchiveError."""
        name = posixpath.join(*[part for part in info.name.split("/") if part != "."] or ["."])
        if name == "." and info.isdir():
            return False
        flaw = _flaw_of_name(info.name) or _flaw_of_kind(info, name) or self._flaw_among_others(info, name)
        if flaw:
            raise ArchiveError(f"no archive may hold {info.name[:80]!a}: {flaw}")
        info.name = name
        return True

    def _flaw_among_others(self, info: tarfile.TarInfo, name: str) -> str:
        if name in self._names:
            return "its name occurs twice"
        self._names.add(name)
        if len(self._names) > self._most_members:
            return f"there are more than {self._most_members} members"
        self.size += info.size
        return f"all files together are larger than {self._most_bytes} bytes" if self.size > self._most_bytes else ""


def _flaw_of_name(name: str) -> str:
    parts = name.removeprefix("./").split("/")
    if name.startswith("/"):
        return "its path is absolute"
    if ".." in parts:
        return "its path leads out of the folder"
    if "" in parts or "." in parts or "\0" in name or "\\" in name:  # a backslash is a slash elsewhere
        return "its path is none"
    if len(os.fsencode(name)) > _LONGEST_PATH or len(parts) > _DEEPEST:
        return "its path is too long"
    if any(len(os.fsencode(part)) > _LONGEST_NAME for part in parts):
        return "its name is too long"
    return ""


def _flaw_of_kind(info: tarfile.TarInfo, name: str) -> str:
    if info.type not in (tarfile.REGTYPE, tarfile.AREGTYPE, tarfile.DIRTYPE, tarfile.SYMTYPE) or info.sparse is not None:
        return "it is no file, folder or symlink"
    if info.mode & 0o7000:
        return "it is setuid, setgid or sticky"
    if info.size < 0 or (info.size and not info.isreg()):
        return "its size makes no sense"
    return _flaw_of_link(name, info.linkname) if info.issym() else ""


def _flaw_of_link(name: str, target: str) -> str:
    """Why a symlink may lead out. Its way up comes first, over real folders, and after that it only goes down.

    A `..` behind a name could turn back from where another symlink has led; then nothing could be said by looking at it.
    """
    parts = target.split("/")
    ups = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    if not target or target.startswith("/") or "\0" in target or len(os.fsencode(target)) > _LONGEST_PATH:
        return "its target leads out of the folder"
    return "its target leads out of the folder" if ".." in parts[ups:] or ups > name.count("/") else ""


class _StrictTarInfo(tarfile.TarInfo):
    """Refuses headers that other programs would read otherwise: text behind the NUL that ends a name."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _StrictTarInfo:
        # Source: POSIX pax, ustar interchange format: name 0-99, linkname 157-256, prefix 345-499 (ustar only).
        fields = [buf[:100], buf[157:257]] + ([buf[345:500]] if buf[257:263] == b"ustar\0" else [])
        if any(bytes(field).partition(b"\0")[2].strip(b"\0") for field in fields):
            raise ArchiveError("no archive may hold a name with a NUL in it")
        return super().frombuf(buf, encoding, errors)
