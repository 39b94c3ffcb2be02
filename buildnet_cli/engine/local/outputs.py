"""A package's output folders: what lies in them, and whether they may be put in place of what is there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from buildnet_cli.engine.local.globbing import NEVER_INPUT, OWN_PREFIX
from buildnet_cli.engine.local.hashing import digest_of, digest_of_file
from buildnet_cli.engine.local.inputs import globs_of
from buildnet_cli.engine.project import Package, Project

Entry = tuple[str, int, int, int, str]
"""Kind (`f` file, `d` folder, `l` symlink, `o` other), size, mtime_ns, mode, and the digest of the content or target."""

Record = Mapping[str, Mapping[str, Entry]]
"""By output folder, then by path in it."""


def why_not_kept(package: Package, project: Project) -> str:
    """Why no artifact of a package's outputs is kept or put in place; empty if there is no reason against it.

    Putting an artifact in place removes what was there. So it must be nothing that anybody wrote or another package made.
    """
    for output in package.outputs:
        flaw = _flaw_of_place(project.root, output) or _flaw_beside_others(output, package, project)
        if flaw:
            return f"output_dir {output} {flaw}"
    return ""


def record(root: Path, outputs: tuple[str, ...], is_stopped: Callable[[], bool]) -> Record | None:
    """What lies in the output folders now; None if one is missing, or if it was stopped.

    Raises OSError if something cannot be read.
    """
    found: dict[str, dict[str, Entry]] = {}
    for output in outputs:
        if not is_real_folder(root / output):
            return None
        found[output] = {}
        for path, info in entries_below(root / output):
            if is_stopped():
                return None
            found[output][path] = (*_traits(info), _digest(root / output / path, info))
    return found


def first_difference(root: Path, outputs: tuple[str, ...], recorded: Record) -> str:
    """The first path that is not as it was recorded, empty if all are. A file with another time is compared by its content.

    Raises OSError if something cannot be read.
    """
    for output in outputs:
        left = dict(recorded.get(output, {}))
        for path, info in entries_below(root / output):
            known = left.pop(path, None)
            if known is None or not _is_same(root / output / path, info, known):
                return f"{output}/{path}"
        if left:
            return f"{output}/{min(left)}"
    return ""


def missing(root: Path, outputs: tuple[str, ...]) -> str:
    """The first output folder that is not there; empty if all are."""
    return next((output for output in outputs if not is_real_folder(root / output)), "")


def entries_below(folder: Path) -> Iterator[tuple[str, os.stat_result]]:
    """Everything in a folder, with paths relative to it; a folder comes before what is in it, symlinks are not followed.

    Raises OSError if something cannot be read.
    """
    left = [""]
    while left:
        prefix = left.pop()
        with os.scandir(folder / prefix) as entries:
            for entry in sorted(entries, key=lambda each: each.name):
                path = f"{prefix}/{entry.name}" if prefix else entry.name
                yield path, entry.stat(follow_symlinks=False)
                if entry.is_dir(follow_symlinks=False):
                    left.append(path)


def is_real_folder(path: Path) -> bool:
    """Whether it is a folder, and no symlink to one."""
    try:
        return stat.S_ISDIR(path.lstat().st_mode)
    except OSError:
        return False


def _flaw_of_place(root: Path, output: str) -> str:
    path = root / output
    if path.is_symlink():
        return "is a symlink"
    resolved = path.resolve()
    if resolved == root or resolved in root.parents:
        return "is the project itself"
    if not resolved.is_relative_to(root):
        return "is outside the project"
    inside = resolved.relative_to(root).parts
    if any(part in NEVER_INPUT or part.startswith(OWN_PREFIX) for part in inside):
        return "belongs to another tool"
    return "is no folder" if path.exists() and not path.is_dir() else ""


def _flaw_beside_others(output: str, package: Package, project: Project) -> str:
    dependents = _dependents(package.name, project)
    for other in project.packages.values():
        if is_within(os.path.normpath(other.path), output):
            return f"holds the folder of {other.name}"
        # Whoever depends on a package may name what it makes among its sources.
        if other.name not in dependents and any(is_within(base, output) for base in _bases(other)):
            return f"holds the sources of {other.name}"
        for theirs in other.outputs:
            is_own = other.name == package.name and theirs == output
            if not is_own and (is_within(theirs, output) or is_within(output, theirs)):
                return f"overlaps {theirs}, an output_dir of {other.name}"
    return ""


def _bases(package: Package) -> tuple[str, ...]:
    try:
        return globs_of(package).bases
    except ValueError:
        return ()  # such a package is built every time, whatever lies where


def _dependents(name: str, project: Project) -> set[str]:
    """The packages that need this one, directly or through others."""
    found: set[str] = set()
    left = [name]
    while left:
        needed = left.pop()
        new = {other.name for other in project.packages.values() if needed in other.dependencies} - found
        found |= new
        left.extend(new)
    return found


def is_within(path: str, folder: str) -> bool:
    """Whether a path is that of a folder, or of something in it; both relative to the project, without needless parts."""
    return path == folder or path.startswith(f"{folder}/")


def _traits(info: os.stat_result) -> tuple[str, int, int, int]:
    mode = stat.S_IMODE(info.st_mode)
    if stat.S_ISREG(info.st_mode):
        return "f", info.st_size, info.st_mtime_ns, mode
    kind = "d" if stat.S_ISDIR(info.st_mode) else "l" if stat.S_ISLNK(info.st_mode) else "o"
    return kind, 0, 0, mode


def _digest(path: Path, info: os.stat_result) -> str:
    if stat.S_ISREG(info.st_mode):
        return digest_of_file(path)
    return digest_of(os.fsencode(path.readlink())) if stat.S_ISLNK(info.st_mode) else ""


def _is_same(path: Path, info: os.stat_result, known: Entry) -> bool:
    kind, size, mtime_ns, mode = _traits(info)
    if (kind, size, mode) != (known[0], known[1], known[3]):
        return False
    if kind == "f" and mtime_ns == known[2]:
        return True
    return _digest(path, info) == known[4]
