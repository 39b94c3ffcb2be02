"""Decisions as a person reads them: each recipient, what became of it, and every reason with its line of the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339

if TYPE_CHECKING:
    from buildnet_cli.config.loader import Loaded
    from buildnet_cli.routing.decision import Reason
    from buildnet_cli.routing.explain import Explanation
    from buildnet_cli.routing.rules import Rules

_WIDEST_REASON = 72


def rules_of(loaded: Loaded) -> Rules:
    """How events are routed by a configuration, as the agent does it."""
    from buildnet_cli.channels.registry import SUPPORTED
    from buildnet_cli.routing.match import RoutingTable
    from buildnet_cli.routing.rules import Rules

    notifications = loaded.config.notifications
    table = RoutingTable.from_config(notifications, SUPPORTED)
    return Rules.from_config(notifications, table, loaded.config.monitoring.incident_pairing())


def reasons_as_wire(reasons: Sequence[Reason], loaded: Loaded | None) -> list[dict[str, Any]]:
    """`{stage, text, key, origin}`; origin is `file:line:column`, `default`, or null if there is none."""
    from buildnet_cli.config.origin import dotted

    return [
        {
            "stage": str(reason.stage),
            "text": reason.text,
            "key": dotted(reason.path) if reason.path else None,
            "origin": loaded.origins.origin_of(reason.path) if loaded is not None and reason.path else None,
        }
        for reason in reasons
    ]


def as_wire(explanation: Explanation, loaded: Loaded | None) -> dict[str, Any]:
    """`{channel, recipient, decision, until, reasons}`; decision is send, hold, suppress or not_wanted."""
    return {
        "channel": explanation.target.channel,
        "recipient": explanation.target.recipient,
        "decision": explanation.action.value if explanation.action is not None else "not_wanted",
        "until": to_rfc3339(explanation.until) if explanation.until is not None else None,
        "reasons": reasons_as_wire(explanation.reasons, loaded),
    }


def event_line(type_: str, subject: str, priority: str, at: datetime, zone: tzinfo | None) -> str:
    """`build.failed api · high · Fri 23:14 America/New_York`."""
    name = " ".join(filter(None, (type_, subject)))
    return f"{name} · {priority} · {at.astimezone(zone):%a %d %b %H:%M:%S %Z}"


def block(entry: dict[str, Any], outcome: str) -> str:
    """A recipient, what became of it, and its reasons, one a line; those of a default stand together."""
    written = [reason for reason in entry["reasons"] if reason["origin"] not in (None, "default")]
    width = min(max((len(reason["text"]) for reason in written), default=0), _WIDEST_REASON)
    lines = [f"{entry['recipient']} ({entry['channel']}): {outcome}"]
    for reason in written:
        file, _, place = reason["origin"].partition(":")
        lines.append(f"  {reason['text']:<{width}}  {Path(file).name}:{place}")
    others = [reason["text"] for reason in entry["reasons"] if reason not in written]
    if others:
        lines.append(f"  {' · '.join(others)}")
    return "\n".join(lines)


def until(text: str | None, zone: tzinfo | None) -> str:
    """`Sat 08:00`; empty if there is no such time."""
    return f"{from_rfc3339(text).astimezone(zone):%a %H:%M:%S}" if text else ""
