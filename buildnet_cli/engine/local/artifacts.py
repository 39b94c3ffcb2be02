"""The folder of artifacts: each a file named after the digest of its bytes, there whole or not at all.

Source of the layout: BuildNet daemon 0.1.0, `<first 2 digits>/<BLAKE3>.tar.gz` and `.json` with hash, package, size, file_count,
created_at and last_used_at.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.engine.local import archive
from buildnet_cli.engine.local.globbing import OWN_PREFIX
from buildnet_cli.engine.local.hashing import digest_of_file

_UNFINISHED = ".unfinished-"
_QUARANTINE = "quarantine"
_KEPT_IN_QUARANTINE = 3
_HASH = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """One output folder, packed. hash: BLAKE3 of the archive. size: of the archive, in bytes. files: how many it holds."""

    hash: str
    package: str
    size: int
    files: int
    created_at: datetime
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class Packed:
    """An artifact on its way: complete, and not yet known to anybody. path: its file for the time being."""

    artifact: Artifact
    path: Path


class ArtifactFolder:
    """Artifacts on disk. Everything here blocks."""

    def __init__(self, folder: Path, limits: archive.Limits | None = None) -> None:
        self.folder = folder
        self._limits = limits or archive.Limits()

    def path_of(self, hash_: str) -> Path:
        return self.folder / hash_[:2] / f"{hash_}.tar.gz"

    def pack(self, output: Path, *, package: str, now: datetime, is_stopped: Callable[[], bool]) -> Packed:
        """Pack an output folder; `keep` or `discard` what comes back.

        Raises archive.ArchiveError if the folder cannot be an archive, OSError if the disk refuses; nothing is left then.
        """
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=self.folder)
        path = Path(name)
        try:
            with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor has no path)
                files = archive.pack(output, file, limits=self._limits, is_stopped=is_stopped)
                file.flush()
                os.fsync(descriptor)
            return Packed(Artifact(digest_of_file(path), package, path.stat().st_size, files, now, now), path)
        except BaseException:
            path.unlink(missing_ok=True)
            raise

    def keep(self, packed: Packed) -> bool:
        """Give an artifact its name; whether there was none like it yet. It is on disk, whole, when this returns.

        Raises OSError if the disk refuses.
        """
        target = self.path_of(packed.artifact.hash)
        is_new = not target.exists()
        target.parent.mkdir(mode=0o700, exist_ok=True)
        _write_whole(_meta_of(target), _as_meta(packed.artifact))
        packed.path.replace(target)
        _sync_folder(target.parent)
        return is_new

    def discard(self, packed: Packed) -> None:
        """Remove what is not to be kept; nothing happens if it has been."""
        packed.path.unlink(missing_ok=True)

    def put_in_place(self, hash_: str, target: Path, *, is_stopped: Callable[[], bool]) -> None:
        """Make an output folder hold exactly what the artifact holds. Nothing is touched before all of it is unpacked.

        Raises archive.ArchiveError if the artifact is not what its name says or was stopped, FileNotFoundError if it is not
        there, OSError if the disk refuses.
        """
        source = self.path_of(hash_)
        if digest_of_file(source) != hash_:
            raise archive.ArchiveError("the archive is damaged: its digest is not its name")
        target.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(target)
        token = secrets.token_hex(4)
        fresh, old = (target.with_name(f"{OWN_PREFIX}-{state}-{token}-{target.name}") for state in ("new", "old"))
        archive.unpack(source, fresh, limits=self._limits, is_stopped=is_stopped)
        try:
            with suppress(FileNotFoundError):
                target.rename(old)
            fresh.rename(target)
        except OSError:
            with suppress(OSError):
                old.rename(target)
            shutil.rmtree(fresh, ignore_errors=True)
            raise
        shutil.rmtree(old, ignore_errors=True)

    def quarantine(self, hash_: str) -> None:
        """Put a damaged artifact aside, for somebody to look at; only the last few are kept."""
        aside = self.folder / _QUARANTINE
        aside.mkdir(mode=0o700, exist_ok=True)
        with suppress(FileNotFoundError):
            self.path_of(hash_).replace(aside / f"{hash_}.tar.gz")
        self.remove(hash_)
        kept = sorted(aside.iterdir(), key=lambda path: path.stat().st_mtime_ns, reverse=True)
        for path in kept[_KEPT_IN_QUARANTINE:]:
            path.unlink(missing_ok=True)

    def remove(self, hash_: str) -> None:
        """Delete an artifact; nothing happens if it is not there."""
        self.path_of(hash_).unlink(missing_ok=True)
        _meta_of(self.path_of(hash_)).unlink(missing_ok=True)

    def present(self) -> Iterator[Artifact]:
        """Every artifact on disk, a BuildNet daemon's too; what a former process left unfinished is removed."""
        if not self.folder.is_dir():
            return
        for unfinished in self.folder.glob(f"{_UNFINISHED}*"):
            unfinished.unlink(missing_ok=True)
        for path in sorted(self.folder.glob("[0-9a-f][0-9a-f]/*.tar.gz")):
            hash_ = path.name.removesuffix(".tar.gz")
            if _HASH.fullmatch(hash_) and path.is_file() and not path.is_symlink():
                yield _read(path, hash_)


def _meta_of(path: Path) -> Path:
    return path.with_name(path.name.replace(".tar.gz", ".json"))


def _as_meta(artifact: Artifact) -> bytes:
    meta = {
        "hash": artifact.hash,
        "package": artifact.package,
        "size": artifact.size,
        "file_count": artifact.files,
        "created_at": to_rfc3339(artifact.created_at),
        "last_used_at": to_rfc3339(artifact.last_used_at),
    }
    return json.dumps(meta).encode()


def _read(path: Path, hash_: str) -> Artifact:
    info = path.stat()
    written_at = datetime.fromtimestamp(info.st_mtime, UTC)
    package, files = "", 0
    with suppress(OSError, ValueError, AttributeError):
        meta = json.loads(_meta_of(path).read_bytes()[:65_536])
        package, files = str(meta.get("package", ""))[:100], int(meta.get("file_count", 0))
    return Artifact(hash_, package, info.st_size, files, written_at, written_at)


def _write_whole(path: Path, content: bytes) -> None:
    descriptor, name = tempfile.mkstemp(prefix=_UNFINISHED, dir=path.parent.parent)
    with open(descriptor, "wb") as file:  # noqa: PTH123  (a descriptor has no path)
        file.write(content)
        file.flush()
        os.fsync(descriptor)
    Path(name).replace(path)


def _sync_folder(folder: Path) -> None:
    """A new name is on disk only when its folder is."""
    for path in (folder, folder.parent):
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _remove_leftovers(target: Path) -> None:
    """Remove what a process that was killed between two renames left beside an output folder."""
    for state in ("new", "old"):
        for left in target.parent.glob(f"{OWN_PREFIX}-{state}-????????-*"):
            if left.name.endswith(f"-{target.name}"):
                shutil.rmtree(left, ignore_errors=True)
