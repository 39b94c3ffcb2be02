"""Gathers from the disk what goes into a package's key."""

from __future__ import annotations

import fnmatch
import functools
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from buildnet_cli.engine.local.globbing import Found, Globs, everything_in, find
from buildnet_cli.engine.local.hashing import Hasher, Memo, digest_of
from buildnet_cli.engine.local.key import Parts
from buildnet_cli.engine.local.toolchain import Toolchain
from buildnet_cli.engine.project import Package, Project

LOCKFILES = frozenset(
    {
        "pnpm-lock.yaml", "package-lock.json", "yarn.lock", "bun.lock", "bun.lockb",
        "Cargo.lock", "go.sum", "uv.lock", "poetry.lock",
    }
)  # fmt: skip
"""They pin what is installed; a change of one asks for a build from the ground up."""

_NAMED = LOCKFILES | {"package.json", "Cargo.toml", "go.mod", "pyproject.toml"}
_TSCONFIG = "tsconfig*.json"


@dataclass(frozen=True, slots=True)
class Gathered:
    """The parts of a key, and the memo of digests for the next time."""

    parts: Parts
    memo: Memo


def is_lockfile(path: str) -> bool:
    """Whether a path is that of a lockfile."""
    return PurePosixPath(path).name in LOCKFILES


def why_never_cached(package: Package) -> str:
    """Why a package is built whenever it is asked for; empty if it need not be.

    A package that declares neither sources nor outputs says nothing of what it does: it may deploy, or only check.
    """
    if not package.is_cached:
        return "its configuration says cache: false"
    if not package.sources and not package.inputs and not package.outputs:
        return "it declares neither sources nor an output_dir"
    return ""


@functools.lru_cache(maxsize=1024)
def globs_of(package: Package) -> Globs:
    """What a package is built from: its globs, else its folder. Raises ValueError for a glob that is none."""
    return Globs([*package.sources, *package.inputs] or [everything_in(package.path)])


def gather(
    package: Package,
    project: Project,
    *,
    memo: Memo,
    dependencies: Mapping[str, str],
    environment: Mapping[str, str],
    toolchain: Toolchain,
    now_ns: int,
) -> Gathered:
    """Everything a package's key is made of. Blocks: it walks the sources and reads what has changed.

    Raises OSError or ValueError if that cannot be said: a file that cannot be read, a glob or a version command that is none.
    """
    hasher = Hasher(project.root, memo, now_ns)
    system = os.uname()
    parts = Parts(
        platform=f"{system.sysname}-{system.machine}",
        package=package.name,
        path=package.path,
        command=package.build_cmd,
        micro_command=package.micro_cmd,
        outputs=package.outputs,
        inputs=_source_tokens(package, project, hasher),
        manifests={found.path: hasher.token(found) for found in _manifests(package, project.root)},
        dependencies=dict(dependencies),
        environment={name: _digest_of_value(environment.get(name)) for name in package.env},
        toolchain={
            command: toolchain.digest(command, folder=project.root / package.path, environment=environment)
            for command in package.toolchain
        },
    )
    return Gathered(parts, hasher.fresh)


def _source_tokens(package: Package, project: Project, hasher: Hasher) -> dict[str, str]:
    outputs = {output for other in project.packages.values() for output in other.outputs}
    return {found.path: hasher.token(found) for found in find(project.root, globs_of(package), outputs)}


def _manifests(package: Package, root: Path) -> Iterator[Found]:
    """The nearest of each name from the package's folder up to the root, unless it says itself what else counts."""
    if package.inputs:
        return
    wanted = {*_NAMED, _TSCONFIG}
    folder = PurePosixPath((root / package.path).resolve().relative_to(root).as_posix())
    for level in (folder, *folder.parents):
        for kind, found in list(_in_folder(root, level, wanted)):
            wanted.discard(kind)
            yield found


def _in_folder(root: Path, folder: PurePosixPath, wanted: set[str]) -> Iterator[tuple[str, Found]]:
    with os.scandir(root / folder) as entries:
        for entry in entries:
            kind = _TSCONFIG if fnmatch.fnmatchcase(entry.name, _TSCONFIG) else entry.name
            if kind in wanted:
                info = entry.stat(follow_symlinks=False)
                if not stat.S_ISDIR(info.st_mode):
                    yield kind, Found((folder / entry.name).as_posix(), info)


def _digest_of_value(value: str | None) -> str:
    return "" if value is None else digest_of(os.fsencode(value))
