"""The keys of `config.json`, as the BuildNet daemon writes them. Keys that are not here are ignored, as the daemon ignores them.

Source: BuildNet daemon 0.1.0. It wants every key of its own; for us the packages are enough, and what it would miss is a note.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from buildnet_cli.config.fields import flaw_in, shown
from buildnet_cli.config.interpolate import Resolved
from buildnet_cli.config.origin import Node, Place
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity
from buildnet_cli.config.validation import check

_NAME = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@-]{0,99}")

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


def _check_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"{shown(name)} is no package name: use letters, digits and . _ - / @, a letter, digit or @ first, at most 100"
        )
    return name


def _check_command(command: str) -> str:
    if not command.strip():
        raise ValueError("must not be empty")
    if "\0" in command:
        raise ValueError("holds a NUL character")
    return command


def _check_optional_command(command: str) -> str:
    return _check_command(command) if command else ""


def _check_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{shown(name)} is no name of an environment variable")
    return name


def _check_path(path: str) -> str:
    flaw = flaw_in(path)
    if flaw:
        raise ValueError(f"holds {flaw}")
    return path


Name = Annotated[str, AfterValidator(_check_name)]
Command = Annotated[str, AfterValidator(_check_command)]
RelativePath = Annotated[str, AfterValidator(_check_path)]
VariableName = Annotated[str, AfterValidator(_check_variable)]
Seconds = Annotated[int, Field(ge=0, le=31 * 86400)]


class _Fields(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class PackageFields(_Fields):
    """One entry of `packages`; the keys from `timeout_secs` on are ours."""

    name: Name
    path: RelativePath
    build_cmd: Command
    dependencies: list[str] = []
    sources: list[str] = []
    output_dir: RelativePath = ""
    timeout_secs: Seconds | None = None
    idle_timeout_secs: Seconds = 0
    retries: Annotated[int, Field(ge=0, le=10)] = 0
    micro_cmd: Annotated[str, AfterValidator(_check_optional_command)] = ""
    inputs: list[str] = []
    outputs: list[RelativePath] = []
    env: list[VariableName] = []
    toolchain: list[Command] = []
    cache: bool = True


class ProjectFields(_Fields):
    """The keys of the file that we use."""

    packages: list[PackageFields]
    project_root: RelativePath = "."
    max_concurrent_builds: Annotated[int, Field(ge=1, le=1024)] | None = None
    build_timeout_secs: Seconds | None = None


def read_fields(root: Node, page: Page) -> ProjectFields:
    """The file's values. Raises InvalidConfigError with every missing or unfit one."""
    if not isinstance(root.value, dict):
        problem = page.problem(Severity.ERROR, "the file holds no JSON object", root.place, hint='write {"packages": [...]}')
        raise InvalidConfigError(page.file, [problem])
    checked = check(ProjectFields, root, Resolved(root.plain()), page)
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
