"""The packages that a daemon builds, read from its own `GET /config`: it does not notice when the file changes."""

from __future__ import annotations

from collections.abc import Mapping

from buildnet_cli.config.fields import shown
from buildnet_cli.config.origin import Origins
from buildnet_cli.config.problems import Page
from buildnet_cli.engine.json_document import read_json
from buildnet_cli.engine.project import Package
from buildnet_cli.engine.project_check import find_cycle
from buildnet_cli.engine.project_file import read_file
from buildnet_cli.errors import ConfigError


def read_packages(text: str, where: str) -> Mapping[str, Package]:
    """By name, in the daemon's order; names are unique, dependencies exist and form no circle.

    where: what a problem is said to be in. Raises ConfigError.
    """
    page = Page(where, text)
    found = {
        fields.name: Package(
            fields.name,
            fields.path,
            fields.build_cmd,
            tuple(fields.dependencies),
            tuple(fields.sources),
            fields.output_dir,
        )
        for fields in read_file(Origins(where, read_json(text, page)).root, page).packages
    }
    for package in found.values():
        for name in package.dependencies:
            if name not in found:
                # POST /build would end the daemon. We never use it, but we cannot tell what the package needs either.
                message = f"{package.name} depends on {shown(name)}, which is no package of the BuildNet daemon"
                raise ConfigError(message, where=where, hint="put .buildnet/config.json right, then restart the daemon")
    cycle = find_cycle({name: package.dependencies for name, package in found.items()})
    if cycle:
        message = f"packages of the BuildNet daemon depend on each other in a circle: {' -> '.join(cycle)}"
        raise ConfigError(message, where=where, hint="put .buildnet/config.json right, then restart the daemon")
    return found
