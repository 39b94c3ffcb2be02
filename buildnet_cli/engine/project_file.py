"""The keys of `config.json`, as the BuildNet daemon writes them. Keys that are not here are ignored, as the daemon ignores them.

Source: BuildNet daemon 0.1.0. It wants every key of its own; for us the packages are enough, and what it would miss is a note.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import ConfigDict

from buildnet_cli.config.engine import BuildTimeout, Package
from buildnet_cli.config.fields import Between, Items, Line
from buildnet_cli.config.interpolate import Resolved
from buildnet_cli.config.origin import Node, Place
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity
from buildnet_cli.config.section import Section
from buildnet_cli.config.validation import check

_DAEMON_KEYS = (
    "project_root",
    "db_path",
    "cache_path",
    "http_port",
    "socket_path",
    "max_concurrent_builds",
    "watch_debounce_ms",
    "build_timeout_secs",
    "verbose",
    "packages",
)
_DAEMON_PACKAGE_KEYS = ("name", "path", "build_cmd", "dependencies", "sources", "output_dir")


class ListedPackage(Package):
    """One entry of `packages`; `timeout_secs` is a key of ours."""

    model_config = ConfigDict(extra="ignore")


class ProjectFile(Section):
    """The keys of the file that we use."""

    model_config = ConfigDict(extra="ignore")

    packages: Items[ListedPackage]
    project_root: Line = "."
    max_concurrent_builds: Annotated[int, Between(1, 1024, "builds")] | None = None
    build_timeout_secs: BuildTimeout | None = None


def read_file(root: Node, page: Page) -> ProjectFile:
    """The file's values. Raises InvalidConfigError with every missing or unfit one."""
    if not isinstance(root.value, dict):
        problem = page.problem(Severity.ERROR, "the file holds no JSON object", root.place, hint='write {"packages": [...]}')
        raise InvalidConfigError(page.file, [problem])
    checked = check(ProjectFile, root, Resolved(root.plain()), page)
    if checked.value is None:
        raise InvalidConfigError(page.file, checked.problems)
    return checked.value


def notes(root: Node, page: Page) -> Iterator[Problem]:
    """What a BuildNet daemon would refuse, though we do not need it."""
    missing = _missing(root, _DAEMON_KEYS)
    if missing:
        yield page.problem(Severity.NOTE, f"a BuildNet daemon would miss {', '.join(missing)}", Place(1, 1))
    packages = root.child("packages")
    for package in packages.value if packages is not None and isinstance(packages.value, list) else ():
        missing = _missing(package, _DAEMON_PACKAGE_KEYS)
        if missing:
            yield page.problem(Severity.NOTE, f"a BuildNet daemon would miss {', '.join(missing)} here", package.place)


def _missing(node: Node, keys: tuple[str, ...]) -> list[str]:
    return [key for key in keys if node.child(key) is None]
