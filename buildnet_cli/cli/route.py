"""`route`: try the routing without sending anything."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo
from typing import TYPE_CHECKING, Annotated

import typer

from buildnet_cli.cli.app import ExampleCommand, new_app
from buildnet_cli.cli.context import AppContext
from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.errors import UsageError

if TYPE_CHECKING:
    from buildnet_cli.events.model import Event
    from buildnet_cli.routing.explain import Explanation
    from buildnet_cli.routing.rules import Rules

app = new_app("Try the routing without sending anything.", epilog="buildnet-notify route test build.failed --at 23:14")

_OUTCOMES = {"send": "would be sent at once", "suppress": "would not be told", "not_wanted": "does not want it"}


@app.callback()
def route() -> None:
    """Try the routing without sending anything."""


@app.command(
    name="test", cls=ExampleCommand, epilog="buildnet-notify route test build.failed --subject api --at 2024-01-26T23:14:00-05:00"
)
def try_out(
    ctx: typer.Context,
    type_: Annotated[str, typer.Argument(metavar="TYPE", help="An event type, such as build.failed.")],
    priority: Annotated[str | None, typer.Option(help="low, medium, high or critical.", metavar="LEVEL")] = None,
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="When: 23:14 in the zone of the quiet hours, or 2024-01-26T23:14:00Z.")
    ] = None,
    subject: Annotated[str, typer.Option("--subject", "-s", help="What it is about: a package, path or host.")] = "",
) -> None:
    """What would become of an event: every recipient, every stage, the line of the configuration."""
    from buildnet_cli.cli import explained
    from buildnet_cli.events.catalog import priority_of
    from buildnet_cli.events.model import Event, read_draft
    from buildnet_cli.ids import new_id

    state: AppContext = ctx.obj
    draft = read_draft({"type": type_, "subject": subject, "priority": priority})
    loaded = state.load_config()
    rules = explained.rules_of(loaded)
    zone = rules.quiet_hours.zone if rules.quiet_hours is not None else None
    now = _read_time(at, zone)
    worth = draft.priority or priority_of(draft.type, rules.default_priority)
    event = Event(new_id("evt"), draft.type, worth, "", draft.subject, "route-test", now, {})
    entries = [explained.as_wire(each, loaded) for each in _explain(state, event, rules, now)]
    blocks = [
        explained.block(entry, _OUTCOMES.get(entry["decision"], f"would be held until {explained.until(entry['until'], zone)}"))
        for entry in entries
    ]
    head = explained.event_line(event.type, event.subject, event.priority.value, now, zone)
    value = {"type": event.type, "subject": event.subject, "priority": event.priority.value, "at": to_rfc3339(now)}
    state.output.result(
        "route-test", {**value, "items": entries, "next": None}, "\n".join([head, *(blocks or ["nobody is configured"])])
    )


def _explain(state: AppContext, event: Event, rules: Rules, now: datetime) -> list[Explanation]:
    """By what the agent remembers now, if there is anything; what is over by then does not count."""
    from buildnet_cli.routing.explain import explain
    from buildnet_cli.routing.state import State
    from buildnet_cli.store.database import open_readonly
    from buildnet_cli.store.memory import StoredMemory

    if not state.workspace.database.exists():
        return explain(event, rules, State(), now)
    with open_readonly(state.workspace.database) as db:
        return explain(event, rules, StoredMemory(db), now)


def _read_time(text: str | None, zone: tzinfo | None) -> datetime:
    """zone: in which a bare time of day is meant; None for this machine's."""
    now = datetime.now(UTC)
    if text is None:
        return now
    try:
        return from_rfc3339(text)
    except ValueError:
        pass
    try:
        clock = datetime.strptime(text, "%H:%M")
    except ValueError:
        hint = "write it as 23:14 or 2024-01-26T23:14:00Z"
        raise UsageError(f"--at {ascii(text)[:80]} is no time", hint=hint) from None
    return now.astimezone(zone).replace(hour=clock.hour, minute=clock.minute, second=0, microsecond=0).astimezone(UTC)
