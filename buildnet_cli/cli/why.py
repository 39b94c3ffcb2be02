"""`why`: what became of an event for every recipient, and by which line of the configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from buildnet_cli.cli.app import single_command
from buildnet_cli.cli.context import AppContext
from buildnet_cli.clock import to_rfc3339
from buildnet_cli.errors import BuildNetError, UsageError

if TYPE_CHECKING:
    from datetime import tzinfo

    from buildnet_cli.config.loader import Loaded
    from buildnet_cli.delivery.model import Delivery
    from buildnet_cli.events.model import Event
    from buildnet_cli.routing.rules import Rules


@single_command(epilog="buildnet-notify why --last")
def app(
    ctx: typer.Context,
    event: Annotated[str | None, typer.Argument(metavar="[EVENT]", help="Its id, as history events shows it.")] = None,
    last: Annotated[bool, typer.Option("--last", help="The newest event.")] = False,
) -> None:
    """Every recipient, every stage, the reason, the line of the configuration."""
    from buildnet_cli.cli import explained
    from buildnet_cli.store import deliveries, events
    from buildnet_cli.store.database import open_readonly

    state: AppContext = ctx.obj
    if (event is None) != last:
        raise UsageError("name one event, or ask for the newest", hint="buildnet-notify why --last")
    loaded, remark = _config_of(state)
    rules = explained.rules_of(loaded) if loaded is not None else None
    with open_readonly(state.workspace.database) as db:
        found = events.newest(db) if event is None else events.get(db, event)
        told = deliveries.of_event(db, found.id)
        unheard = events.why_unheard(db, found.id)
    zone = rules.quiet_hours.zone if rules is not None and rules.quiet_hours is not None else None
    entries = [_of_delivery(each, loaded) for each in told] + _unwanted(found, rules, told, loaded)
    if remark:
        state.output.note(remark)
    head = explained.event_line(found.type, found.subject, found.priority.value, found.timestamp, zone)
    blocks = [explained.block(entry, _outcome(entry, zone)) for entry in entries]
    value = {"event": found.as_wire(), "unheard": unheard or None, "items": entries, "next": None}
    state.output.result("why", value, "\n".join([head, *([f"nobody heard of it: {unheard}"] if unheard else []), *blocks]))


def _config_of(state: AppContext) -> tuple[Loaded | None, str]:
    """The configuration, and what is to be said if there is none that can be read: the stored reasons stand all the same."""
    try:
        return state.load_config(), ""
    except BuildNetError as exc:
        return None, f"the configuration cannot be read, so no lines of it are named ({exc.message})"


def _of_delivery(delivery: Delivery, loaded: Loaded | None) -> dict[str, Any]:
    from buildnet_cli.cli import explained

    due = delivery.next_attempt_at
    return {
        "channel": delivery.target.channel,
        "recipient": delivery.target.recipient,
        "decision": delivery.status.value,
        "delivery": delivery.id,
        "reason": delivery.reason,
        "folded_into": delivery.folded_into,
        "until": to_rfc3339(due) if due is not None else None,
        "reasons": explained.reasons_as_wire(delivery.reasons, loaded),
    }


def _unwanted(event: Event, rules: Rules | None, told: tuple[Delivery, ...], loaded: Loaded | None) -> list[dict[str, Any]]:
    from buildnet_cli.cli import explained
    from buildnet_cli.routing.explain import unwanted

    if rules is None:
        return []
    heard = {delivery.target for delivery in told}
    return [explained.as_wire(each, loaded) for each in unwanted(event, rules, heard)]


def _outcome(entry: dict[str, Any], zone: tzinfo | None) -> str:
    from buildnet_cli.cli import explained

    status = entry["decision"]
    if status == "not_wanted":
        return "not told"
    if entry["folded_into"]:
        return f"{status}, folded into the digest {entry['folded_into']}"
    if status == "held":
        return f"held until {explained.until(entry['until'], zone)}"
    return status if status == "delivered" else f"{status}: {entry['reason']}"
