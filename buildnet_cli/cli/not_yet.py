"""Commands whose time has not come; they say so."""

from __future__ import annotations

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.errors import UnsupportedError


@single_command(epilog="buildnet-notify web")
def app(ctx: typer.Context) -> None:
    """Not supported yet."""
    raise UnsupportedError(f"{ctx.info_name} is not supported yet", hint="the README says what is, and what comes next")
