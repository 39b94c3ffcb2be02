"""What the daemon does: it builds one package or all, one builder a package, and remembers what it built."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from buildnet_cli.process.unwatched import Unwatched
from buildnet_cli.sandbox.buildnetd.artifact import Artifacts
from buildnet_cli.sandbox.buildnetd.feed import Feed
from buildnet_cli.sandbox.buildnetd.wire import Refusal, timestamp

_NAME = re.compile(r"[A-Za-z0-9_@/-]{1,100}")
_MOST_POSTS = 10
WINDOW_SECS = 60.0
_LOCK_SECS = 600.0
_ROWS_SHOWN = 50


@dataclass
class Faults:
    """What goes wrong next.

    builds: of the following build POSTs, one each: `hang`, `reset`, a status such as 500; empty text for none.
    health: a status for every `/health`, or `hang`; None for the true answer.
    """

    builds: deque[str | int] = field(default_factory=deque)
    health: str | int | None = None


class Daemon:
    """One daemon.

    config: its configuration; root: what paths in it are relative to. die: ends the process at once, as an abort does.
    told_root: what it says its project's folder is. window_secs: in which at most 10 build requests are taken.
    """

    def __init__(self, config: dict[str, Any], root: Path, *, feed: Feed, die: Callable[[], None] = os.abort) -> None:
        self.config = config
        self.root = (root / config["project_root"]).resolve()
        self.told_root = str(self.root)
        self.packages: dict[str, dict[str, Any]] = {package["name"]: package for package in config["packages"]}
        self.feed = feed
        self.faults = Faults()
        self.window_secs = WINDOW_SECS
        self.artifacts = Artifacts(root / config["cache_path"])
        self._file = root / f"{config['db_path']}.json"
        self._die = die
        self._posts: deque[float] = deque()
        self._children: dict[int, Unwatched] = {}
        self._slots = asyncio.Semaphore(config["max_concurrent_builds"])
        self._kept = json.loads(self._file.read_text()) if self._file.exists() else {"rows": [], "locks": {}}

    @property
    def rows(self) -> list[dict[str, Any]]:
        """Every build that really ran, oldest first; a restart does not end those that were running."""
        found: list[dict[str, Any]] = self._kept["rows"]
        return found

    def newest(self) -> list[dict[str, Any]]:
        return self.rows[: -_ROWS_SHOWN - 1 : -1]

    def stats(self) -> dict[str, int]:
        """The daemon counts two of the five; nothing writes the others."""
        failed = sum(row["status"] == "failed" for row in self.rows)
        return {
            "total_builds": len(self.rows),
            "cached_builds": 0,
            "failed_builds": failed,
            "cached_files": 0,
            "artifacts": 0,
        }

    def take_token(self) -> None:
        """Every build POST costs one, whatever comes of it. Raises Refusal."""
        now = time.monotonic()
        while self._posts and now - self._posts[0] >= self.window_secs:
            self._posts.popleft()
        if len(self._posts) >= _MOST_POSTS:
            wait_secs = int(self.window_secs - (now - self._posts[0])) + 1
            raise Refusal(
                429,
                "RATE_LIMITED",
                f"Rate limit exceeded. Please wait {wait_secs} seconds",
                f"Maximum {_MOST_POSTS} builds per {self.window_secs:.0f} seconds",
            )
        self._posts.append(now)

    def look_up(self, name: str) -> dict[str, Any]:
        """The package of this name. Raises Refusal."""
        if not _NAME.fullmatch(name):
            raise Refusal(400, "BAD_REQUEST", "Invalid package name")
        if name not in self.packages:
            raise Refusal(404, "NOT_FOUND", f"Package not found: {name}")
        return self.packages[name]

    async def build(self, package: dict[str, Any]) -> dict[str, Any]:
        """Build one package, whatever it depends on. Raises Refusal; then nothing tells of the end.

        If this is cancelled, its child goes on, the lock stays until it expires, and the row stays `running` for ever.
        """
        name, began = package["name"], time.monotonic()
        self._lock(name)
        async with self._slots:
            result = await self._build_locked(package)
        self._kept["locks"].pop(name, None)
        self._save()
        result["duration_ms"] = round((time.monotonic() - began) * 1000)
        return result

    async def build_all(self) -> list[dict[str, Any]]:
        """Build level by level; a failed dependency stops nobody, an unknown one ends the daemon. Raises Refusal."""
        needs = {name: package["dependencies"] for name, package in self.packages.items()}
        if any(dependency not in needs for found in needs.values() for dependency in found):
            self._die()
            await asyncio.Event().wait()  # nothing goes on
        sorter = TopologicalSorter(needs)
        try:
            sorter.prepare()
        except CycleError:
            raise Refusal(500, "BUILD_FAILED", "Circular dependency detected") from None
        results = []
        while sorter.is_active():
            level = sorter.get_ready()
            # Each of a level is on its own: it ends even if nobody waits for it any more.
            tasks = [asyncio.ensure_future(self.build(self.packages[name])) for name in level]
            results += [await asyncio.shield(task) for task in tasks]
            sorter.done(*level)
        return results

    def end_children(self) -> None:
        """What the real daemon never does: end the builds that it has lost interest in."""
        while self._children:
            self._children.popitem()[1].end()

    async def _build_locked(self, package: dict[str, Any]) -> dict[str, Any]:
        name, output = package["name"], self.root / package["output_dir"]
        source_hash = await asyncio.to_thread(_source_hash, self.root, package["sources"])
        before = self._last_success(name)
        result = {"package": name, "source_hash": source_hash, "error": None, "status": "cached"}
        if before is not None and before["source_hash"] == source_hash:
            if output.exists():
                return result | {"tier": "InstantSkip", "output_hash": before["output_hash"]}
            if before["output_hash"] and self.artifacts.holds(before["output_hash"]):
                await asyncio.to_thread(self.artifacts.restore, before["output_hash"], output)
                return result | {"tier": "CacheRestore", "output_hash": before["output_hash"]}
        row = {"id": str(uuid.uuid4()), "package": name, "source_hash": source_hash, "output_hash": None, "status": "running"}
        row |= {"started_at": timestamp(), "completed_at": None, "duration_ms": None, "error": None}
        self.rows.append(row)
        self._save()
        began = time.monotonic()
        error = await self._run(package)
        kept = await asyncio.to_thread(self.artifacts.keep, name, output) if not error and output.is_dir() else None
        row |= {"status": "failed" if error else "completed", "output_hash": kept, "error": error or None}
        row |= {"completed_at": timestamp(), "duration_ms": round((time.monotonic() - began) * 1000)}
        self._save()
        return result | {"tier": "SmartIncremental", **{key: row[key] for key in ("status", "output_hash", "error")}}

    async def _run(self, package: dict[str, Any]) -> str:
        """Run the command; the daemon's words for its failure, empty if it went well."""
        try:
            child = Unwatched(["sh", "-c", package["build_cmd"]], cwd=self.root / package["path"])
        except OSError as exc:
            return f"Build failed: {exc.strerror} (os error {exc.errno})"
        self._children[child.pid] = child
        code, stderr = await child.wait()
        del self._children[child.pid]
        return f"Build failed: Command failed with exit code {max(code, -1)}: {stderr}" if code else ""

    def _lock(self, name: str) -> None:
        now = time.time()
        if self._kept["locks"].get(name, 0) > now:
            raise Refusal(
                409,
                "BUILD_IN_PROGRESS",
                f"Package '{name}' is already being built",
                "Wait for the current build to complete",
            )
        self._kept["locks"][name] = now + _LOCK_SECS
        self._save()

    def _last_success(self, name: str) -> dict[str, Any] | None:
        return next((row for row in reversed(self.rows) if row["package"] == name and row["status"] == "completed"), None)

    def _save(self) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        self._file.write_text(json.dumps(self._kept))


def _source_hash(root: Path, globs: Iterable[str]) -> str:
    """Of the contents only: names, command and dependencies are no part of it, and braces match nothing."""
    found = [path for glob in globs for path in sorted(root.glob(glob)) if path.is_file()]
    contents = ":".join(hashlib.blake2b(path.read_bytes(), digest_size=8).hexdigest() for path in found)
    return hashlib.blake2b(contents.encode(), digest_size=8).hexdigest()
