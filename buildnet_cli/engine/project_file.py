"""The keys of `config.json`, as the BuildNet daemon writes them. Keys that are not here are ignored, as the daemon ignores them.

Source: BuildNet daemon 0.1.0. It wants every key of its own; for us the packages are enough.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import ConfigDict

from buildnet_cli.config.engine import BuildTimeout, Package
from buildnet_cli.config.fields import Between, Items, Line
from buildnet_cli.config.interpolate import Resolved
from buildnet_cli.config.origin import Node
from buildnet_cli.config.problems import InvalidConfigError, Page, Severity
from buildnet_cli.config.section import Section
from buildnet_cli.config.validation import check


class ListedPackage(Package):
    """One entry of `packages`; the keys from `timeout_secs` on are ours."""

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
