"""The stages in their order. One code for deciding and for explaining."""

from __future__ import annotations

from datetime import datetime

from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Action, Decision, Reason
from buildnet_cli.routing.match import Match, RoutingTable

NO_RECIPIENT = "no recipient"
"""Why an event is stored that nobody hears of."""


def decide(event: Event, table: RoutingTable, now: datetime) -> list[Decision]:
    """What is to become of an event, for each target that wants it; none if nobody does.

    now: the time at which it is decided; stages that look at the time of day get it from here.
    """
    return [_decide(match) for match in table.match(event.type, event.priority) if match.is_wanted]


def _decide(match: Match) -> Decision:
    route = match.route
    if not route.can_send:
        missing = Reason("match", f"this version cannot send to {route.target.channel} yet", route.path)
        return Decision(route.target, Action.SUPPRESS, (*match.reasons, missing))
    return Decision(route.target, Action.SEND, match.reasons)
