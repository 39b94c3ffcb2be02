"""Finds the files that globs mean, in one walk that follows no symlink.

Globs are relative to the project, with `**`, braces and `!` for exceptions; a name without any wildcard means that file, or
everything in that folder. Hidden files count, as they do for the BuildNet daemon.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

NEVER_INPUT = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__"})
"""Folders that are not looked into: they are large, and change without anybody changing the sources."""

OWN_PREFIX = ".buildnet"
"""Folders of this name are ours: the state folder, and the output folders that are being put in place."""

_FEW_ALTERNATIVES = 8
_RANGE = re.compile(r"\{[^}]*\.\.")
_WILD = re.compile(r"[*?\[{\\]")


@dataclass(frozen=True, slots=True)
class Found:
    """A file, by its path relative to the project; a symlink is found as such."""

    path: str
    info: os.stat_result


class Globs:
    """Several globs as one. Raises ValueError, with the reason, for one that is none or leads out of the project."""

    def __init__(self, patterns: Sequence[str]) -> None:
        from wcmatch import glob

        flags = glob.BRACE | glob.GLOBSTAR | glob.NEGATE | glob.DOTGLOB | glob.FORCEUNIX
        written = [_normal(pattern) for pattern in patterns]
        bases = {_base(pattern) for pattern in written if not pattern.startswith("!")}
        self.bases = tuple(sorted(bases))
        try:
            wanted, unwanted = glob.translate([below for pattern in written for below in _with_contents(pattern)], flags=flags)
            self._wanted = _any_of(wanted)
            self._unwanted = _any_of(unwanted)
        except Exception as exc:  # wcmatch has no public name for what it raises at too many braces
            raise ValueError(f"{patterns[0]!r} cannot be read: {exc}") from exc

    def match(self, path: str) -> bool:
        """Whether a path, relative to the project, is meant."""
        return self._wanted.match(path) is not None and self._unwanted.match(path) is None


def flaw_of(pattern: str) -> str:
    """Why a glob is none, or leads out of the project; empty if it may be used."""
    try:
        _normal(pattern)
        # Fewer alternatives than these cannot be too many, and need no library to be counted.
        if pattern.count(",") > _FEW_ALTERNATIVES or _RANGE.search(pattern):
            Globs([pattern])
    except ValueError as exc:
        return str(exc)
    return ""


def everything_in(folder: str) -> str:
    """A glob for all that lies in a folder, whatever characters its name has."""
    from wcmatch import glob

    return "**/*" if folder in ("", ".") else f"{glob.escape(folder)}/**/*"


def find(root: Path, globs: Globs, without: Collection[str] = ()) -> Iterator[Found]:
    """The files under `root` that are meant, in no order.

    without: folders that are left out, unless a glob begins inside them.
    Raises OSError if a folder cannot be read.
    """
    seen: set[str] = set()
    for base in globs.bases:
        try:
            info = (root / base).lstat()
        except (FileNotFoundError, NotADirectoryError):
            continue
        if base and not (root / base).parent.resolve().is_relative_to(root):
            continue  # through a symlink that leads out
        if stat.S_ISDIR(info.st_mode):
            yield from _below(root, base, globs, without, seen)
        elif base.rpartition("/")[0] not in seen and globs.match(base):
            yield Found(base, info)


def _below(root: Path, base: str, globs: Globs, without: Collection[str], seen: set[str]) -> Iterator[Found]:
    left = [base]
    while left:
        folder = left.pop()
        if folder in seen:
            continue
        seen.add(folder)
        prefix = f"{folder}/" if folder else ""
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = prefix + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if entry.name not in NEVER_INPUT and not entry.name.startswith(OWN_PREFIX) and path not in without:
                        left.append(path)
                elif globs.match(path):
                    yield Found(path, entry.stat(follow_symlinks=False))


def _normal(pattern: str) -> str:
    """The same glob without needless slashes and dots."""
    sign, path = ("!", pattern[1:]) if pattern.startswith("!") else ("", pattern)
    parts = path.split("/")
    if path.startswith("/") or ".." in parts:
        raise ValueError(f"{pattern!r} leads out of the project")
    if "\0" in path or not path.strip():
        raise ValueError(f"{pattern!r} is no glob")
    return sign + "/".join(part for part in parts if part not in ("", "."))


def _base(pattern: str) -> str:
    """The folder, or the file, where a search has to begin: all parts before the first wildcard."""
    parts = pattern.split("/")
    fixed = next((at for at, part in enumerate(parts) if _WILD.search(part)), len(parts))
    return "/".join(parts[:fixed])


def _with_contents(pattern: str) -> tuple[str, ...]:
    if _WILD.search(pattern):
        return (pattern,)
    return (pattern, f"{pattern}/**/*") if pattern.strip("!") else (f"{pattern}**/*",)


def _any_of(expressions: Sequence[str]) -> re.Pattern[str]:
    # One expression is several times as fast as one after the other; none at all must match nothing.
    return re.compile("|".join(f"(?:{expression})" for expression in expressions) or r"(?!)")
