"""`tail`: events as they come, for as long as one likes to watch."""

from __future__ import annotations

import json
import sys
import time
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import UnreachableError

_AGAIN_SECS = 0.5


@single_command(epilog="buildnet-notify tail --type 'build.*'")
def app(
    ctx: typer.Context,
    type_: Annotated[
        list[str] | None, typer.Option("--type", metavar="PATTERN", help="Only these events; may be given again.")
    ] = None,
) -> None:
    """Show events as they come, until Ctrl-C. If the agent goes away, wait for it, and show what was missed."""
    state: AppContext = ctx.obj
    last = _newest(state)
    is_told = False
    while True:
        try:
            for line in state.agent.lines("/api/events/stream", type=type_, since=last):
                is_told = False
                event = json.loads(line)
                last = event["id"]
                _show(state, event)
        except UnreachableError:
            pass  # it may come back
        if not is_told:
            state.output.note("the agent has gone; waiting for it, Ctrl-C ends this")
            is_told = True
        time.sleep(_AGAIN_SECS)


def _newest(state: AppContext) -> str | None:
    """Id of the last event before we began, from which on to fill a gap. Raises UnreachableError if no agent runs."""
    items = state.agent.get("/api/notifications/events", limit=1)["items"]
    return items[0]["id"] if items else None


def _show(state: AppContext, event: dict[str, Any]) -> None:
    from buildnet_cli.cli.output import show_clock

    words = [show_clock(event["timestamp"]), f"{state.output.state(event['priority']):<8}", event["type"]]
    message = " ".join(event["message"].split())
    state.output.result("event", event, "  ".join(filter(None, [*words, event["subject"], message])))
    sys.stdout.flush()
