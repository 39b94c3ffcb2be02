"""The first stage: whose patterns and which channels an event fits. It depends on type and priority alone, and is remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from buildnet_cli.config.notifications import Notifications
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Reason, Target

# Types are few; a producer that makes them up must not fill the memory.
_MOST_REMEMBERED = 4096

_PRIORITIES = ("notifications", "settings", "priorities")


@dataclass(frozen=True, slots=True)
class Route:
    """A target and what it wants to hear.

    takes_rest: it also gets what no other target of its channel wants.
    can_send: whether this version has an adapter for its channel.
    is_daily: it gets all that can wait once a day, in one message. is_live: it hears everything at once, whatever the hour.
    path: where in the configuration it is written.
    """

    target: Target
    patterns: tuple[Pattern, ...]
    takes_rest: bool = False
    can_send: bool = True
    path: tuple[str | int, ...] = ()
    is_daily: bool = False
    is_live: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """Whether one route wants an event, and why."""

    route: Route
    is_wanted: bool
    reasons: tuple[Reason, ...]


class RoutingTable:
    """All routes of one configuration. Immutable to its users; a changed configuration makes a new one."""

    def __init__(self, routes: Iterable[Route], carried: Mapping[Priority, frozenset[str]]) -> None:
        """carried: which channels carry which priority."""
        self._routes = tuple(routes)
        self._carried = carried
        self._remembered: dict[tuple[str, Priority], tuple[Match, ...]] = {}

    @classmethod
    def from_config(cls, config: Notifications, supported: frozenset[str]) -> RoutingTable:
        """The routes that a configuration asks for; none while notifications are off.

        supported: the channels this version can send through.
        """
        return cls(
            (
                Route(
                    Target(each.channel, each.name),
                    each.patterns,
                    each.takes_rest,
                    each.channel in supported,
                    each.path,
                    is_daily=each.channel == "email" and each.format == "digest",
                )
                for each in config.all_recipients()
            ),
            {priority: config.channels_for(priority) for priority in Priority},
        )

    def with_route(self, route: Route) -> RoutingTable:
        """This table and one route more, whose channel carries every priority."""
        carried = {priority: channels | {route.target.channel} for priority, channels in self._carried.items()}
        return RoutingTable((*self._routes, route), carried)

    @property
    def targets(self) -> frozenset[Target]:
        """Everybody who may be reached."""
        return frozenset(route.target for route in self._routes)

    def match(self, event_type: str, priority: Priority) -> Sequence[Match]:
        """What every route says to events of this type and priority, in the order of the configuration."""
        key = (event_type, priority)
        known = self._remembered.get(key)
        if known is None:
            if len(self._remembered) >= _MOST_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[key] = self._match(event_type, priority)
        return known

    def _match(self, event_type: str, priority: Priority) -> tuple[Match, ...]:
        wanted = {route: _wanted_by(route, event_type, priority) for route in self._routes}
        served = {route.target.channel for route, pattern in wanted.items() if pattern is not None}
        return tuple(
            self._judge(route, wanted[route], route.target.channel in served, event_type, priority) for route in self._routes
        )

    def _judge(self, route: Route, pattern: Pattern | None, is_served: bool, event_type: str, priority: Priority) -> Match:
        channel = route.target.channel
        if pattern is not None:
            text = f"its pattern {pattern.text!r} matches {event_type}"
        elif route.takes_rest and not is_served:
            text = f"it gets what nobody else on {channel} wants"
        else:
            return Match(route, False, (Reason("match", f"none of its patterns matches {event_type}", route.path),))
        hears = Reason("match", text, route.path)
        rule = (*_PRIORITIES, priority.value, "channels")
        if channel not in self._carried[priority]:
            return Match(route, False, (hears, Reason("priority", f"{priority.value} does not go to {channel}", rule)))
        return Match(route, True, (hears, Reason("priority", f"{priority.value} goes to {channel}", rule)))


def _wanted_by(route: Route, event_type: str, priority: Priority) -> Pattern | None:
    """The first pattern that means such events."""
    return next((pattern for pattern in route.patterns if pattern.matches(event_type, priority)), None)
