"""`status`: the agent's own account of itself, once or again and again."""

from __future__ import annotations

import time
from typing import Annotated

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext

_REFRESH_SECS = 1.0


@single_command(epilog="buildnet-notify status --watch")
def app(
    ctx: typer.Context,
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Again every second, until Ctrl-C.")] = False,
) -> None:
    """What the engine, the queue and the deliveries do now."""
    state: AppContext = ctx.obj
    while True:
        if state.output.as_json:
            state.output.result("status", state.agent.get("/api/status"))
        else:
            clear = "\x1b[H\x1b[2J" if watch and state.output.is_terminal else ""
            # The screen codes are ours; everything else in the text was made printable by the agent.
            typer.echo(clear + state.agent.get_text("/api/status"), nl=False)
        if not watch:
            return
        time.sleep(_REFRESH_SECS)
