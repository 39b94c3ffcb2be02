"""`version`."""

from __future__ import annotations

import typer

from buildnet_cli import __version__
from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext


@single_command(epilog="buildnet-notify version --json")
def app(ctx: typer.Context) -> None:
    """The version of this program."""
    show(ctx.obj)


def show(state: AppContext) -> None:
    """Print the version."""
    state.output.result("version", {"version": __version__}, f"buildnet-notify {__version__}")
