"""What `init` finds to build in a project that has no list of its packages: folders with the file of a build tool."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_TOOLS = (("Cargo.toml", "cargo build"), ("go.mod", "go build ./..."), ("Makefile", "make"))
_RUNNERS = (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun"), ("bun.lockb", "bun"))
_GATHERED_IN = ("apps", "crates", "libs", "packages", "services")
"""Folders whose folders are packages, by custom."""

# As the configuration wants a package's name.
_NAME = re.compile(r"[A-Za-z0-9@][\w./@-]{0,99}", re.ASCII)
_LONGEST_MANIFEST = 1 << 20


@dataclass(frozen=True)
class Candidate:
    """A package as it could be. path: relative to the project. needs: names it depends on, whether they are packages or not."""

    name: str
    path: str
    build_cmd: str
    needs: tuple[str, ...] = ()


def find_packages(root: Path) -> tuple[Candidate, ...]:
    """The project itself if it has a build command, else the packages in its folders; in the order of their paths."""
    whole = _candidate(root, root)
    if whole is not None:
        return (whole,)
    parents = [root, *(root / name for name in _GATHERED_IN)]
    found = [_candidate(folder, root) for parent in parents for folder in _folders(parent)]
    by_name = {each.name: each for each in found if each is not None}
    return tuple(sorted(by_name.values(), key=lambda each: each.path))


def _candidate(folder: Path, root: Path) -> Candidate | None:
    path = folder.relative_to(root).as_posix()
    manifest = _manifest(folder / "package.json")
    scripts = manifest.get("scripts")
    is_workspace = folder == root and ("workspaces" in manifest or (root / "pnpm-workspace.yaml").is_file())
    if isinstance(scripts, dict) and "build" in scripts and not is_workspace:
        name = manifest.get("name")
        runner = next((runner for lock, runner in _RUNNERS if (root / lock).is_file()), "npm")
        return _named(name if isinstance(name, str) else folder.name, path, f"{runner} run build", tuple(_needs(manifest)))
    command = next((command for file, command in _TOOLS if (folder / file).is_file()), "")
    return _named(folder.name, path, command) if command else None


def _named(name: str, path: str, command: str, needs: tuple[str, ...] = ()) -> Candidate | None:
    return Candidate(name, path, command, needs) if _NAME.fullmatch(name) else None


def _needs(manifest: dict[str, Any]) -> Iterator[str]:
    for field in ("dependencies", "devDependencies"):
        named = manifest.get(field)
        yield from named if isinstance(named, dict) else ()


def _manifest(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LONGEST_MANIFEST:
            return {}
        manifest = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return manifest if isinstance(manifest, dict) else {}


def _folders(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir() and not path.is_symlink() and path.name[0] != ".")
    except OSError:
        return []
