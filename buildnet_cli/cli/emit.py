"""`emit`: hand in an event, whether an agent answers or not."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.errors import TimedOutError, UnreachableError, UsageError
from buildnet_cli.ids import new_id

_LONGEST_INPUT = 4 << 20


@single_command(
    epilog='buildnet-notify emit custom.deploy.done --subject shop --message "Shop 1.4 is live"\n'
    "buildnet-notify emit build.failed --package api --data @result.json\n"
    "buildnet-notify emit - < event.json"
)
def app(
    ctx: typer.Context,
    type_: Annotated[
        str,
        typer.Argument(
            help="What happened, such as build.failed or custom.deploy.done; - reads the whole event as JSON from stdin.",
            metavar="TYPE",
        ),
    ],
    message: Annotated[str, typer.Option("--message", "-m", help="One sentence.")] = "",
    subject: Annotated[str, typer.Option("--subject", "-s", help="What it is about.")] = "",
    package: Annotated[str, typer.Option("--package", "-p", help="The same, for builds.")] = "",
    priority: Annotated[str | None, typer.Option(help="low, medium, high or critical; the type's own otherwise.")] = None,
    data: Annotated[str | None, typer.Option(help="Further fields: JSON, @FILE, or - for stdin.", metavar="JSON")] = None,
) -> None:
    """Hand in an event. It is kept, and told to whom it concerns, also when no agent runs yet."""
    state: AppContext = ctx.obj
    if type_ == "-":
        if message or subject or package or priority is not None or data is not None:
            raise UsageError("an event on stdin is whole: no option goes with it", hint="put the field into the JSON")
        hand_in(state, _read_event())
        return
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
    meant = _nearest_type(event["type"])
    if meant:
        state.output.note(f"{event['type']} is no type that is known here; did you mean {meant}?")
    if accepted["status"] == "spooled":
        text = "kept for the next agent (none answers now): buildnet-notify agent start"
    else:
        told = ", ".join(_told(delivery) for delivery in accepted["deliveries"])
        text = f"{accepted['id']} accepted → {told or 'nobody is to hear'}"
    state.output.result("event", accepted, text)


def _nearest_type(type_: str) -> str:
    """The known type that somebody may have meant who wrote another one; empty if it is known, or like none."""
    from buildnet_cli.events.catalog import CATALOG

    if type_ in CATALOG or type_.startswith("custom."):
        return ""
    import difflib

    return next(iter(difflib.get_close_matches(type_, CATALOG, n=1, cutoff=0.85)), "")


def _told(delivery: dict[str, Any]) -> str:
    """Who is to hear of it; and if not at once, or not at all, that it is so. `why` has the reason."""
    who = f"{delivery['channel']} {delivery['recipient']}"
    return who if delivery["status"] in ("pending", "delivered") else f"{who} ({delivery['status']})"


def deliver(state: AppContext, event: dict[str, Any], *, patience_secs: float | None = None) -> dict[str, Any]:
    """Give an event to the agent, or keep it on disk for the next one; `status` says which: accepted or spooled.

    patience_secs: how long the agent may take to answer.
    Raises UsageError if it is no event, StorageError if it could not be kept.
    """
    from buildnet_cli.events.model import read_draft

    # The agent takes a second event of this id for the first, so one whose answer got lost may safely be spooled.
    event = event if event.get("id") else {**event, "id": new_id("evt")}
    read_draft(event)
    try:
        return {"status": "accepted", **state.agent.post("/api/events", event, timeout_secs=patience_secs)["items"][0]}
    except (UnreachableError, TimedOutError):
        from buildnet_cli.delivery import spool
        from buildnet_cli.paths import prepare_state

        prepare_state(state.workspace.state)
        spool.write(state.workspace.spool, [event], source="cli")
        return {"status": "spooled", "id": event["id"]}


def _read_event() -> dict[str, Any]:
    from buildnet_cli.events.model import read_draft

    event = _parsed(_read_text(sys.stdin.buffer, "stdin"), "stdin", field="stdin")
    read_draft(event)
    assert isinstance(event, dict), "a draft is read from nothing else"
    return {"source": "cli", **event}


def _read_text(file: BinaryIO, name: str) -> str:
    """Everything in a file, with or without the mark that some systems put before UTF-8."""
    content = file.read(_LONGEST_INPUT + 1)
    if len(content) > _LONGEST_INPUT:
        raise UsageError(f"{name} has more than {_LONGEST_INPUT >> 20} MiB", hint="send what a person would read", where=name)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as exc:
        raise UsageError(f"{name} is no UTF-8 text: byte {exc.start} is 0x{content[exc.start]:02x}", where=name) from None


def _read_data(text: str) -> Any:
    where = "--data"
    if text == "-":
        text, where = _read_text(sys.stdin.buffer, "stdin"), "stdin"
    elif text.startswith("@"):
        path = Path(text[1:])
        try:
            with path.open("rb") as file:
                text, where = _read_text(file, str(path)), str(path)
        except OSError as exc:
            raise UsageError(f"{path} cannot be read: {exc.strerror}", where="--data") from exc
    return _parsed(text, where, field="--data")


def _parsed(text: str, where: str, *, field: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise UsageError(f"{where} is nested too deeply to be read", where=field) from None
    except ValueError as exc:
        raise UsageError(f"{where} is no JSON: {exc}", hint='write an object, such as {"version": "1.4"}', where=field) from exc
