"""Whether packages fit together: their names, what they depend on, and where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from buildnet_cli.config.fields import did_you_mean, shown
from buildnet_cli.config.origin import KeyPath
from buildnet_cli.config.problems import Problem
from buildnet_cli.engine.local.globbing import flaw_of

if TYPE_CHECKING:
    from buildnet_cli.engine.project import Package

MakeProblem = Callable[[str, KeyPath, str], Problem]
"""A sentence, the key it is about, and a hint; gives the problem with its place."""


def check_packages(root: Path, packages: Sequence[Package], problem: MakeProblem) -> Iterator[Problem]:
    """Everything that keeps packages from being built together. root: resolved."""
    first: dict[str, int] = {}
    for index, package in enumerate(packages):
        path: KeyPath = ("packages", index)
        if package.name in first:
            message = f"the package {shown(package.name)} is defined twice (also as packages[{first[package.name]}])"
            yield problem(message, (*path, "name"), "rename or remove one of the two")
        first.setdefault(package.name, index)
        flaw = _flaw_of_folder(root, package.path)
        if flaw:
            yield problem(f"the path {shown(package.path)} of {package.name} {flaw}", (*path, "path"), "")
        yield from _bad_globs(package, path, problem)
    yield from _unknown_dependencies(packages, first, problem)
    cycle = find_cycle({name: packages[index].dependencies for name, index in first.items()})
    if cycle:
        message = f"packages depend on each other in a circle: {' -> '.join(cycle)}"
        yield problem(message, ("packages", first[cycle[0]], "dependencies"), "remove one of these dependencies")


def find_cycle(dependencies: dict[str, tuple[str, ...]]) -> list[str]:
    """A circle of names, each depending on the next, the first one repeated at the end; empty if there is none."""
    known = {name: [other for other in others if other in dependencies] for name, others in dependencies.items()}
    try:
        TopologicalSorter(known).prepare()
    except CycleError as exc:
        # graphlib lists what comes first before what needs it. It is told from the package that stands first in the file.
        circle: list[str] = list(reversed(exc.args[1]))[:-1]
        start = min(range(len(circle)), key=lambda at: list(dependencies).index(circle[at]))
        circle = circle[start:] + circle[:start]
        return [*circle, circle[0]]
    return []


def _unknown_dependencies(packages: Sequence[Package], known: dict[str, int], problem: MakeProblem) -> Iterator[Problem]:
    for index, package in enumerate(packages):
        for position, name in enumerate(package.dependencies):
            if name not in known:
                message = f"{package.name} depends on {shown(name)}, which is no package here{did_you_mean(name, known)}"
                yield problem(message, ("packages", index, "dependencies", position), f"packages: {', '.join(known)}")


def _bad_globs(package: Package, path: KeyPath, problem: MakeProblem) -> Iterator[Problem]:
    for field, globs in (("sources", package.sources), ("inputs", package.inputs)):
        for position, glob in enumerate(globs):
            flaw = flaw_of(glob)
            if flaw:
                hint = "globs are relative to the project, such as src/**/*.{ts,tsx}"
                yield problem(f"{field} of {package.name}: {flaw}", (*path, field, position), hint)


def _flaw_of_folder(root: Path, path: str) -> str:
    try:
        folder = (root / path).resolve()
        if not folder.is_relative_to(root):
            return f"leads out of the project folder {root}"
        if not folder.exists():
            return "does not exist"
        return "" if folder.is_dir() else "is no folder"
    except (OSError, RuntimeError):  # RuntimeError: symlinks in a circle
        return "cannot be followed"
