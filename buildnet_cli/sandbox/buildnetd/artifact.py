"""The daemon's artifact cache: `<first 2 hex>/<hash>.tar.gz` with a `.json` beside it; restored as carelessly as there."""

from __future__ import annotations

import io
import json
import shutil
import tarfile
from pathlib import Path
from typing import Any

import blake3

from buildnet_cli.sandbox.buildnetd.wire import timestamp


class Artifacts:
    """What builds have made, in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, package: str, output: Path) -> str:
        """Pack an output folder; the hash of the archive."""
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz", compresslevel=1) as archive:
            archive.add(output, arcname=".")
            count = len(archive.getmembers())
        content = packed.getvalue()
        hash_ = blake3.blake3(content).hexdigest()
        path = self._path(hash_)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        meta = {"hash": hash_, "package": package, "size": len(content), "file_count": count, "created_at": timestamp()}
        path.with_name(f"{hash_}.json").write_text(json.dumps(meta))
        return hash_

    def holds(self, hash_: str) -> bool:
        return self._path(hash_).exists()

    def restore(self, hash_: str, output: Path) -> None:
        """Put an output folder back; what is there goes first."""
        shutil.rmtree(output, ignore_errors=True)
        with tarfile.open(self._path(hash_)) as archive:
            archive.extractall(output, filter="data")

    def stats(self) -> dict[str, Any]:
        sizes = [path.stat().st_size for path in self._folder.glob("*/*.gz")]
        return {"cache_dir": str(self._folder), "total_size": sum(sizes), "artifact_count": len(sizes)}

    def clear(self, max_size_mb: int | None) -> int:
        """Remove the oldest until no more than this is left, all if None; how many. Those without a `.json` stay."""
        left = self.stats()["total_size"]
        removed = 0
        for meta in sorted(self._folder.glob("*/*.json"), key=lambda path: path.stat().st_mtime):
            if max_size_mb is not None and left <= max_size_mb << 20:
                break
            archive = meta.with_name(f"{meta.stem}.tar.gz")
            left -= archive.stat().st_size if archive.exists() else 0
            archive.unlink(missing_ok=True)
            meta.unlink()
            removed += 1
        return removed

    def _path(self, hash_: str) -> Path:
        return self._folder / hash_[:2] / f"{hash_}.tar.gz"
