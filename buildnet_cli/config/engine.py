"""`engine` and `packages`: which build system we speak for, and what it builds."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from buildnet_cli.config.address import BaseUrl
from buildnet_cli.config.fields import ONE_OF, Between, Items, Line, Percent, Switch, as_text, shown
from buildnet_cli.config.section import Section

PACKAGE_NAME: Final = re.compile(r"[A-Za-z0-9@][A-Za-z0-9._/@-]{0,99}")
"""What a package may be called: no shell, path, option or command grammar takes such a name for anything else."""


def _as_package_name(value: Any) -> str:
    name = as_text(value)
    if not PACKAGE_NAME.fullmatch(name):
        raise ValueError(
            f"{shown(name)} is no package name: use letters, digits and . _ - / @, a letter, digit or @ first, at most 100"
        )
    return name


def _check_not_empty(text: str) -> str:
    if not text.strip():
        raise ValueError("must not be empty")
    return text


def _as_command(value: Any) -> str:
    text = as_text(value)
    if "\0" in text:
        raise ValueError("holds a NUL character")
    return _check_not_empty(text)


def _check_variable(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name):
        raise ValueError(f"{shown(name)} is no name of an environment variable")
    return name


PackageName = Annotated[str, BeforeValidator(_as_package_name)]
Folder = Annotated[Line, AfterValidator(_check_not_empty)]
Command = Annotated[str, BeforeValidator(_as_command)]
"""For `sh -c`; it may have several lines."""
OptionalCommand = Annotated[str, BeforeValidator(lambda value: _as_command(value) if value else "")]
VariableName = Annotated[str, AfterValidator(_check_variable)]
BuildTimeout = Annotated[int, Between(0, 31 * 86_400, "seconds, 0 for no limit")]


class Package(Section):
    """One thing to build; the same fields as in the BuildNet daemon's config.json."""

    name: PackageName = Field(description="What BUILD calls it. Required.")
    path: Folder = Field(description="Its folder, relative to the project. Required.")
    build_cmd: Command = Field(description="Shell command that builds it, run in its folder. Required.")
    dependencies: Items[PackageName] = Field((), description="Packages that are built before it. Default: none.")
    sources: Items[Line] = Field(
        (), description="Globs of the files it is built from, relative to the project. Default: its folder."
    )
    output_dir: Line = Field(
        "", description="Folder with what the build makes, relative to the project. Default: nothing is kept."
    )
    timeout_secs: BuildTimeout | None = Field(
        None, description="Seconds a build may take before it is stopped; 0 = no limit. Default: 1800."
    )
    idle_timeout_secs: BuildTimeout = Field(
        0, description="Seconds a build may write nothing before it is stopped; 0 = no limit. Default: 0."
    )
    retries: Annotated[int, Between(0, 10, "times")] = Field(
        0, description="How often a build that fails is run again, in times. Default: 0."
    )
    micro_cmd: OptionalCommand = Field(
        "", description="Command in place of build_cmd when hardly anything has changed. Default: build_cmd."
    )
    clean_cmd: OptionalCommand = Field(
        "", description="Command that is run before build_cmd when BUILD --force asks for everything anew. Default: none."
    )
    inputs: Items[Line] = Field(
        (),
        description="Further globs of what it is built from; only these lockfiles then count. Default: the nearest lockfiles.",
    )
    outputs: Items[Line] = Field((), description="Further folders like output_dir. Default: none.")
    env: Items[VariableName] = Field((), description="Names of environment variables that change the result. Default: none.")
    toolchain: Items[Command] = Field(
        (), description='Commands whose answer changes the result, such as "node --version". Default: none.'
    )
    cache: Switch = Field(True, description="Whether an earlier result may be used again. Default: true.")


class Cache(Section):
    """Artifacts of earlier builds."""

    max_mb: Annotated[int, Between(1, 10_000_000, "megabytes")] = Field(
        5120, description="Size above which the oldest artifacts go, in megabytes. Default: 5120."
    )
    warn_percent: Percent = Field(
        80, description="Fill level at which cache.threshold is raised, in percent of max_mb. Default: 80."
    )
    ttl_days: Annotated[int, Between(1, 3650, "days")] = Field(30, description="Days an unused artifact is kept. Default: 30.")


class Engine(Section):
    """The build system."""

    type: Annotated[Literal["auto", "local", "buildnetd"], ONE_OF] = Field(
        "auto",
        description="local = our own, buildnetd = a BuildNet daemon, auto = the daemon if it serves this project. Default: auto.",
    )
    url: BaseUrl = Field(
        "http://127.0.0.1:9876", description="Where the BuildNet daemon answers. Default: http://127.0.0.1:9876."
    )
    config: Line = Field(
        ".buildnet/config.json", description="The project's packages, for the local engine. Default: .buildnet/config.json."
    )
    start_command: Line = Field(
        "", description="Starts the BuildNet daemon again after RESTART. Default: none, RESTART is not supported."
    )
    cache: Cache = Field(default_factory=Cache, description="The artifact cache of the local engine.")
