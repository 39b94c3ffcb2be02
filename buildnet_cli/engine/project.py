"""The project: its packages, read from `.buildnet/config.json` in the BuildNet daemon's own format, or from our configuration."""

from __future__ import annotations

import functools
import os
import posixpath
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from buildnet_cli.config.engine import Package as PackageSection
from buildnet_cli.config.origin import KeyPath, Origins
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity
from buildnet_cli.config.source import read_source
from buildnet_cli.engine.json_document import read_json
from buildnet_cli.engine.project_check import check_packages
from buildnet_cli.engine.project_file import read_file

DEFAULT_BUILD_TIMEOUT = timedelta(minutes=30)


@dataclass(frozen=True, slots=True)
class Package:
    """One thing to build.

    path: its folder, relative to the project. build_cmd: for `sh -c`, run in that folder.
    sources: globs, relative to the project. output_dir: relative to the project; empty if nothing is kept.
    timeout: None for the project's; zero for no limit. idle_timeout: how long it may write nothing; None for no limit.
    retries: how often it is run again when it fails.
    micro_cmd: in place of build_cmd when hardly anything has changed; empty if it is to be build_cmd.
    clean_cmd: before build_cmd when a build is forced; empty if there is nothing to clean.
    inputs: further globs of what it is built from; then it answers for lockfiles and manifests itself.
    more_outputs: further folders like output_dir. env: names of variables that change the result.
    toolchain: commands such as `node --version` whose answer changes the result. is_cached: whether a result may be used again.
    """

    name: str
    path: str
    build_cmd: str
    dependencies: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    output_dir: str = ""
    timeout: timedelta | None = None
    micro_cmd: str = ""
    inputs: tuple[str, ...] = ()
    more_outputs: tuple[str, ...] = ()
    env: tuple[str, ...] = ()
    toolchain: tuple[str, ...] = ()
    is_cached: bool = True
    idle_timeout: timedelta | None = None
    retries: int = 0
    clean_cmd: str = ""

    @property
    def outputs(self) -> tuple[str, ...]:
        """Every output folder once, without needless slashes and dots."""
        return _tidied(self.output_dir, *self.more_outputs)


@dataclass(frozen=True, slots=True)
class Project:
    """What an engine builds; checked: names are unique, dependencies exist and form no cycle, folders exist inside the root.

    packages: by name, in the order of the file. build_timeout: of a package that has none of its own; zero for no limit.
    """

    root: Path
    packages: Mapping[str, Package]
    max_concurrent_builds: int = 1
    build_timeout: timedelta = DEFAULT_BUILD_TIMEOUT

    def timeout_of(self, package: Package) -> timedelta | None:
        """How long a build of a package may take; None for no limit."""
        timeout = package.timeout if package.timeout is not None else self.build_timeout
        return timeout or None


@dataclass(frozen=True)
class Written:
    """A project as it stands in a file, for whoever has something to say about what is written there."""

    project: Project
    origins: Origins
    page: Page

    def warning(self, message: str, path: KeyPath, hint: str) -> Problem:
        """A remark about a key, with its place."""
        return self.page.problem(Severity.WARNING, message, self.origins.place_of(path), hint=hint, path=path)


def load_project(root: Path, file: Path) -> Project:
    """Read `config.json`, as `read_project` does."""
    return read_project(root, file).project


def read_project(root: Path, file: Path) -> Written:
    """Read `config.json`.

    root: the workspace. file: absolute, or relative to it.
    Raises InvalidConfigError, which carries all problems, if it is missing, unsafe or wrong.
    """
    path = root / file
    text = read_source(path).text
    page = Page(str(path), text)
    origins = Origins(page.file, read_json(text, page))
    content = read_file(origins.root, page)
    root = root.resolve()
    base = (root / content.project_root).resolve()
    if not base.is_relative_to(root) or not base.is_dir():
        place = origins.place_of(("project_root",))
        message = f'project_root "{content.project_root}" is no folder inside {root}'
        raise InvalidConfigError(page.file, [page.problem(Severity.ERROR, message, place, hint='use "."')])
    limit = _seconds(content.build_timeout_secs)
    project = Project(
        root=base,
        packages=_checked(base, content.packages, origins, page),
        max_concurrent_builds=content.max_concurrent_builds or usable_cpus(),
        build_timeout=DEFAULT_BUILD_TIMEOUT if limit is None else limit,
    )
    return Written(project, origins, page)


def project_from_config(root: Path, sections: Sequence[PackageSection], origins: Origins, page: Page) -> Written:
    """A project whose packages stand under `packages:` in our own configuration; `origins` and `page` are those of that file.

    Raises InvalidConfigError, which carries all problems.
    """
    root = root.resolve()
    return Written(Project(root, _checked(root, sections, origins, page), usable_cpus()), origins, page)


def usable_cpus() -> int:
    """How many processors this process may run on."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # only Linux knows affinities
        return os.cpu_count() or 1


def _checked(root: Path, sections: Sequence[PackageSection], origins: Origins, page: Page) -> dict[str, Package]:
    def problem(message: str, path: KeyPath, hint: str = "") -> Problem:
        return page.problem(Severity.ERROR, message, origins.place_of(path), hint=hint, path=path)

    packages = [_to_package(section) for section in sections]
    problems = list(check_packages(root, packages, problem))
    if problems:
        raise InvalidConfigError(page.file, sorted(problems, key=lambda found: (found.line, found.column)))
    return {package.name: package for package in packages}


def _to_package(section: PackageSection) -> Package:
    return Package(
        section.name,
        section.path,
        section.build_cmd,
        section.dependencies,
        section.sources,
        section.output_dir,
        _seconds(section.timeout_secs),
        section.micro_cmd,
        section.inputs,
        section.outputs,
        section.env,
        section.toolchain,
        section.cache,
        _seconds(section.idle_timeout_secs or None),
        section.retries,
        section.clean_cmd,
    )


@functools.lru_cache(maxsize=1024)  # asked for every package by every other one
def _tidied(*folders: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(posixpath.normpath(folder) for folder in folders if folder))


def _seconds(value: int | None) -> timedelta | None:
    return timedelta(seconds=value) if value is not None else None
