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
        status = state.agent.get("/api/status")
        text = status.pop("text")
        if watch and state.output.is_terminal and not state.output.as_json:
            text = f"\x1b[H\x1b[2J{text}"
        _print(state, status, text)
        if not watch:
            return
        time.sleep(_REFRESH_SECS)


def _print(state: AppContext, status: dict[str, object], text: str) -> None:
    if state.output.as_json:
        state.output.result("status", status)
    else:
        # The screen codes are ours; everything else in the text was made printable by the agent.
        typer.echo(text.rstrip("\n"))
