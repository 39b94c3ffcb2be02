"""What of a project may be meant otherwise than it is written: globs that match nothing, and outputs that cannot be cached."""

from __future__ import annotations

from collections.abc import Iterator

from buildnet_cli.config.fields import shown
from buildnet_cli.config.problems import Problem
from buildnet_cli.engine.local.globbing import Globs, find
from buildnet_cli.engine.local.outputs import is_within, why_not_kept
from buildnet_cli.engine.project import Package, Project, Written


def remarks(written: Written) -> Iterator[Problem]:
    """A warning for each. Walks the sources, and reads no file."""
    project = written.project
    outputs = {output for package in project.packages.values() for output in package.outputs}
    for index, package in enumerate(project.packages.values()):
        try:
            for field, position, glob in _without_match(package, project, outputs):
                message = f"{field} of {package.name}: {shown(glob)} matches no file"
                hint = "globs are relative to the project, not to the package's folder"
                yield written.warning(message, ("packages", index, field, position), hint)
        except OSError as exc:
            message = f"the sources of {package.name} cannot be read: {exc.strerror} ({exc.filename})"
            yield written.warning(message, ("packages", index), "make it readable, or name narrower globs")
        flaw = why_not_kept(package, project) if package.is_cached else ""
        if flaw:
            message = f"the result of {package.name} is not cached: {flaw}"
            hint = "name a folder that holds nothing but what this package makes"
            yield written.warning(message, ("packages", index, _field_of_outputs(package)), hint)


def _without_match(package: Package, project: Project, outputs: set[str]) -> Iterator[tuple[str, int, str]]:
    """The globs that nothing matches, but for exceptions, and for those that mean what other packages make."""
    for field, globs in (("sources", package.sources), ("inputs", package.inputs)):
        for position, pattern in enumerate(globs):
            if pattern.startswith("!"):
                continue
            meant = Globs([pattern])
            if any(is_within(base, output) for base in meant.bases for output in outputs):
                continue
            if next(find(project.root, meant, outputs), None) is None:
                yield field, position, pattern


def _field_of_outputs(package: Package) -> str:
    return "output_dir" if package.output_dir else "outputs"
