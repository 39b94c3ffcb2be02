"""Rules, events and a router's past to decide on, written in a line each."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from buildnet_cli.config.notifications import Notifications
from buildnet_cli.events.catalog import priority_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Decision, Target
from buildnet_cli.routing.match import RoutingTable
from buildnet_cli.routing.memory import Mute
from buildnet_cli.routing.pipeline import decide
from buildnet_cli.routing.quiet_hours import QuietHours
from buildnet_cli.routing.rules import Rules
from buildnet_cli.routing.state import State
from tests.support.clocks import START
from tests.support.deliveries import an_event

SUPPORTED = frozenset({"webhook", "slack", "sms", "email"})


def rules_of(settings: dict[str, Any] | None = None, *webhooks: dict[str, Any]) -> Rules:
    """What a configuration with these settings and webhooks says; one that hears everything by default."""
    hooks = [{"url": f"https://{hook['name']}.example.com/in", **hook} for hook in webhooks or ({"name": "ci"},)]
    config = Notifications.model_validate({"settings": settings or {}, "channels": {"webhooks": hooks}})
    return Rules.from_config(config, RoutingTable.from_config(config, SUPPORTED))


def told(type_: str, subject: str = "api", *, at: datetime = START, priority: str | None = None, **payload: Any) -> Event:
    """An event of its type's own priority."""
    worth = Priority(priority) if priority is not None else priority_of(type_, Priority.MEDIUM)
    return an_event(subject, type=type_, priority=worth, at=at, payload=payload)


def a_mute(pattern: str, *, hours: float = 1, subject: str | None = None) -> Mute:
    return Mute("mute_1", Pattern.parse(pattern), START + timedelta(hours=hours), "maintenance", START, subject)


def night(start: str = "22:00", end: str = "08:00", zone: str = "UTC") -> QuietHours:
    return QuietHours(time.fromisoformat(start), time.fromisoformat(end), ZoneInfo(zone))


class Walk:
    """A router that remembers: each event is decided, and the decision becomes part of its past."""

    def __init__(self, rules: Rules, state: State | None = None) -> None:
        self.rules = rules
        self.state = state or State()
        self.decided: list[tuple[Event, list[Decision]]] = []

    def hear(self, event: Event, *, after: float = 0.0) -> list[Decision]:
        """Decide an event so many seconds after the start."""
        now = START + timedelta(seconds=after)
        decisions = decide(event, self.rules, self.state, now)
        self.state = self.state.after(event, decisions, self.rules, now)
        self.decided.append((event, decisions))
        return decisions

    def actions(self, events: Iterable[tuple[float, Event]], target: Target | None = None) -> list[str]:
        """What becomes of events at these seconds, for one target."""
        chosen = []
        for after, event in events:
            chosen += [each.action.value for each in self.hear(event, after=after) if target in (None, each.target)]
        return chosen
