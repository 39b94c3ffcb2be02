"""`emit`: hand in an event, whether an agent answers or not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import TimedOutError, UnreachableError, UsageError
from buildnet_cli.ids import new_id


@single_command(
    epilog='buildnet-notify emit custom.deploy.done --subject shop --message "Shop 1.4 is live"\n'
    "buildnet-notify emit build.failed --package api --data @result.json"
)
def app(
    ctx: typer.Context,
    type_: Annotated[str, typer.Argument(help="What happened, such as build.failed or custom.deploy.done.", metavar="TYPE")],
    message: Annotated[str, typer.Option("--message", "-m", help="One sentence.")] = "",
    subject: Annotated[str, typer.Option("--subject", "-s", help="What it is about.")] = "",
    package: Annotated[str, typer.Option("--package", "-p", help="The same, for builds.")] = "",
    priority: Annotated[str | None, typer.Option(help="low, medium, high or critical; the type's own otherwise.")] = None,
    data: Annotated[str | None, typer.Option(help="Further fields: JSON, @FILE, or - for stdin.", metavar="JSON")] = None,
) -> None:
    """Hand in an event. It is kept, and told to whom it concerns, also when no agent runs yet."""
    state: AppContext = ctx.obj
    if package and subject and package != subject:
        raise UsageError("--package and --subject name different things", hint="give one of them")
    event: dict[str, Any] = {"type": type_, "message": message, "subject": subject or package, "source": "cli"}
    if priority is not None:
        event["priority"] = priority
    if data is not None:
        event["payload"] = _read_data(data)
    hand_in(state, event)


def hand_in(state: AppContext, event: dict[str, Any]) -> None:
    """Deliver an event and say what became of it."""
    accepted = deliver(state, event)
    if accepted["status"] == "spooled":
        text = "kept for the next agent (none answers now): buildnet-notify agent start"
    else:
        told = ", ".join(f"{delivery['channel']} {delivery['recipient']}" for delivery in accepted["deliveries"])
        text = f"{accepted['id']} accepted → {told or 'nobody is to hear'}"
    state.output.result("event", accepted, text)


def deliver(state: AppContext, event: dict[str, Any], *, patience_secs: float | None = None) -> dict[str, Any]:
    """Give an event to the agent, or keep it on disk for the next one; `status` says which: accepted or spooled.

    patience_secs: how long the agent may take to answer.
    Raises UsageError if it is no event, StorageError if it could not be kept.
    """
    from buildnet_cli.events.model import read_draft

    # The agent takes a second event of this id for the first, so one whose answer got lost may safely be spooled.
    event = {**event, "id": new_id("evt")}
    read_draft(event)
    try:
        return {"status": "accepted", **state.agent.post("/api/events", event, timeout_secs=patience_secs)["items"][0]}
    except (UnreachableError, TimedOutError):
        from buildnet_cli.delivery import spool
        from buildnet_cli.paths import prepare_state

        prepare_state(state.workspace.state)
        spool.write(state.workspace.spool, [event], source="cli")
        return {"status": "spooled", "id": event["id"]}


def _read_data(text: str) -> Any:
    where = "--data"
    if text == "-":
        text, where = sys.stdin.read(), "stdin"
    elif text.startswith("@"):
        path = Path(text[1:])
        try:
            text, where = path.read_text("utf-8"), str(path)
        except (OSError, UnicodeDecodeError) as exc:
            reason = exc.strerror if isinstance(exc, OSError) else "it is not UTF-8 text"
            raise UsageError(f"{path} cannot be read: {reason}", where="--data") from exc
    try:
        value = json.loads(text)
    except RecursionError:
        raise UsageError(f"{where} is nested too deeply to be read", where="--data") from None
    except ValueError as exc:
        raise UsageError(
            f"{where} is no JSON: {exc}", hint='write an object, such as {"version": "1.4"}', where="--data"
        ) from exc
    return value
