"""Why a package has to be built: what is not as it was at its last success. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from buildnet_cli.engine.local.inputs import is_lockfile
from buildnet_cli.engine.local.key import Parts
from buildnet_cli.engine.model import Why

MOST_NAMES = 20
"""How many files are named; of the others there is only a number."""

_LONGEST_NAME = 200


@dataclass(frozen=True, slots=True)
class Difference:
    """What is not as it was.

    changed, added, removed: source files. manifests: manifests. dependencies: packages.
    setup: what the whole build rests on, in words: the command, the environment, the toolchain, a lockfile …
    """

    changed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    setup: tuple[str, ...] = ()

    @property
    def files(self) -> int:
        """How many source files differ."""
        return len(self.changed) + len(self.added) + len(self.removed)

    @property
    def is_only_files(self) -> bool:
        """Whether nothing but source files differs."""
        return bool(self.files) and not (self.manifests or self.dependencies or self.setup)


def difference(before: Parts, now: Parts) -> Difference:
    """What differs between two keys of a package."""
    manifests = _differing(before.manifests, now.manifests)
    lockfiles = [path for path in manifests if is_lockfile(path)]
    setup = [
        words
        for words, is_same in (
            ("the command", (before.command, before.micro_command) == (now.command, now.micro_command)),
            ("the package's folder", before.path == now.path),
            ("the output folders", before.outputs == now.outputs),
            ("the platform", before.platform == now.platform),
        )
        if not is_same
    ]
    setup += [f"environment {name}" for name in _differing(before.environment, now.environment)]
    setup += [f"toolchain {command}" for command in _differing(before.toolchain, now.toolchain)]
    setup += [f"lockfile {path}" for path in lockfiles]
    # A manifest is often one of the sources, too; once is enough.
    inputs = {path for path in (*before.inputs, *now.inputs) if path not in manifests}
    return Difference(
        changed=tuple(sorted(path for path in inputs if _is_in_both(path, before, now) and _differs(path, before, now))),
        added=tuple(sorted(path for path in inputs if path not in before.inputs)),
        removed=tuple(sorted(path for path in inputs if path not in now.inputs)),
        manifests=tuple(path for path in manifests if path not in lockfiles),
        dependencies=tuple(_differing(before.dependencies, now.dependencies)),
        setup=tuple(setup),
    )


def why(summary: str, found: Difference | None = None, *, output: str = "", remark: str = "") -> Why:
    """The record of a build.

    summary: what to say if nothing differs. output: what is to be said of its output folders, such as `dist is missing`.
    """
    if found is None:
        return Why(_shown(output) or summary, remark=remark)
    left = MOST_NAMES
    shown: list[tuple[str, ...]] = []
    for paths in (found.changed, found.added, found.removed):
        shown.append(tuple(_shown(path) for path in paths[:left]))
        left -= len(shown[-1])
    other = [f"manifest {path}" for path in found.manifests] + [f"dependency {name}" for name in found.dependencies]
    also = tuple(_shown(text) for text in (*found.setup, *other))
    words = ", ".join(text for text in (_in_words(found), _shown(output)) if text)
    return Why(
        words or summary,
        changed=shown[0],
        added=shown[1],
        removed=shown[2],
        more=found.files - sum(map(len, shown)),
        also=also[:MOST_NAMES],
        remark=remark,
    )


def _in_words(found: Difference) -> str:
    """`src/a.c changed, 3 files added, the command changed`."""
    parts = [
        f"{_shown(paths[0])} {verb}" if len(paths) == 1 else f"{len(paths):,} files {verb}"
        for paths, verb in ((found.changed, "changed"), (found.added, "added"), (found.removed, "removed"))
        if paths
    ]
    others = (*found.setup, *found.manifests, *(f"dependency {name}" for name in found.dependencies))
    parts += [f"{_shown(other)} changed" for other in others[:3]]
    parts += [f"{len(others) - 3} other things changed"] if len(others) > 3 else []
    return ", ".join(parts)


def _differing(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    return sorted(name for name in {*before, *now} if before.get(name) != now.get(name))


def _is_in_both(path: str, before: Parts, now: Parts) -> bool:
    return path in before.inputs and path in now.inputs


def _differs(path: str, before: Parts, now: Parts) -> bool:
    return before.inputs[path] != now.inputs[path]


def _shown(text: str) -> str:
    """A name from a disk as one line of text; it may hold anything."""
    clean = "".join(character if character.isprintable() else "?" for character in text)
    return clean if len(clean) <= _LONGEST_NAME else f"{clean[: _LONGEST_NAME - 1]}…"
