"""`send-test`: does it arrive? One row per recipient, with the provider's own words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.cli.exits import EXIT_OF
from buildnet_cli.cli.output import Column, show_millis
from buildnet_cli.errors import Kind, UnreachableError

_COLUMNS = [
    Column("CHANNEL", "channel"),
    Column("TO", "recipient"),
    Column("RESULT", "result"),
    Column("TIME", "duration_ms", show_millis),
    Column("DETAIL", "detail"),
]

# One attempt may take the channel's own limit, 30 s at most.
_PATIENCE_SECS = 40


@single_command(epilog="buildnet-notify send-test --channel sms\nbuildnet-notify send-test --all")
def app(
    ctx: typer.Context,
    channel: Annotated[list[str] | None, typer.Option(help="A channel or a recipient; may be given again.")] = None,
    all_: Annotated[
        bool, typer.Option("--all", help="Every recipient of every channel; so it is without --channel too.")
    ] = False,
    to: Annotated[str | None, typer.Option(metavar="WHO", help="Only this recipient.")] = None,
    event: Annotated[str | None, typer.Option(metavar="TYPE", help="What the message is about, such as build.failed.")] = None,
    message: Annotated[str | None, typer.Option(metavar="TXT", help="What it says.")] = None,
    show: Annotated[bool, typer.Option("--show", help="Only show what would be said to whom; nothing is sent.")] = False,
) -> None:
    """Send a test message past quiet hours and limits, and show what became of it. Works without the agent."""
    state: AppContext = ctx.obj
    wanted = {"channels": channel or [], "to": to, "type": event, "message": message, "show": show}
    try:
        rows = state.agent.post("/api/notifications/test", wanted, timeout_secs=_PATIENCE_SECS)["items"]
    except UnreachableError:
        rows = _send_here(state, wanted)
    state.output.rows("send-test", rows, _COLUMNS, below=lambda row: _below(row, is_detailed=state.options.verbosity > 0))
    delivered = sum(row["result"] == "delivered" for row in rows)
    if all(row["result"] == "shown" for row in rows):
        state.output.say("nothing was sent" if show else "dry_run is on in the configuration: nothing was sent")
        return
    state.output.say(f"{delivered} of {len(rows)} delivered")
    raise typer.Exit(_exit_code(rows, delivered))


def _below(row: Mapping[str, Any], *, is_detailed: bool) -> str:
    """What to do about a refusal, and with `-v` the provider's own words; or the message, if it was only to be shown."""
    answer = f"{row['answer']}\n" if is_detailed and row["answer"] != row["detail"] else ""
    return row["text"] or answer + (f"→ {row['hint']}" if row["hint"] else "")


def _exit_code(rows: Sequence[Mapping[str, Any]], delivered: int) -> int:
    if delivered == len(rows):
        return 0
    if delivered:
        return EXIT_OF[Kind.PARTLY]
    is_unsupported = all(row["result"] == "unsupported" for row in rows)
    return EXIT_OF[Kind.UNSUPPORTED if is_unsupported else Kind.FAILED]


def _send_here(state: AppContext, wanted: Mapping[str, Any]) -> list[dict[str, Any]]:
    """In this process, with the caller's environment and secrets, once, without a row."""
    import asyncio

    from buildnet_cli.agent.trial import send_once

    return asyncio.run(send_once(state.load_config(), state.workspace.templates, wanted))
