"""Every event type we know, with its default priority and whose state it speaks of.

Source: the specification's five tables, and the types that behaviour adds to them. A type that is not here still routes,
with the configured `default_priority`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Final

from buildnet_cli.events.priority import Priority

LOW, MEDIUM, HIGH, CRITICAL = Priority


class Turn(enum.Enum):
    """What an event does to the incident of its subject."""

    OPENS = "opens"
    CLOSES = "closes"


@dataclass(frozen=True)
class EventType:
    """One known type.

    family: what the incident is called, such as `build` or `resource.cpu`; empty for plain facts.
    turn: whether it opens or closes that incident; None for plain facts.
    has_state: the last segment is a state, so that (family, subject) alone tells repeats apart from changes.
    """

    name: str
    description: str
    priority: Priority
    family: str = ""
    turn: Turn | None = None
    has_state: bool = False


def _monitored(prefix: str, what: str, *levels: tuple[str, str, Priority]) -> list[EventType]:
    types = [
        EventType(f"{prefix}.{state}", f"{what} {text}", priority, family=prefix, turn=Turn.OPENS, has_state=True)
        for state, text, priority in levels
    ]
    normal = EventType(f"{prefix}.normal", f"{what} returned to normal", LOW, family=prefix, turn=Turn.CLOSES, has_state=True)
    return [*types, normal]


def _pair(
    family: str,
    opening: dict[str, tuple[str, Priority]],
    closing: dict[str, tuple[str, Priority]],
    *,
    has_state: bool = True,
) -> list[EventType]:
    return [
        EventType(f"{family}.{state}", text, priority, family=family, turn=turn, has_state=has_state)
        for turn, states in ((Turn.OPENS, opening), (Turn.CLOSES, closing))
        for state, (text, priority) in states.items()
    ]


_TYPES: Final = [
    # Builds
    EventType("build.started", "Build process initiated", LOW),
    *_pair(
        "build",
        {"failed": ("Build encountered errors", HIGH)},
        {"completed": ("Build finished successfully", MEDIUM), "cached": ("Build skipped (cache hit)", LOW)},
        has_state=False,
    ),
    EventType("build.queued", "Build added to queue", LOW),
    EventType("build.cancelled", "Build was cancelled", MEDIUM),
    *_monitored("build.duration", "Build duration", ("warning", "is long", MEDIUM), ("critical", "is far too long", HIGH)),
    *_monitored("build.queue", "Build queue", ("warning", "is long", MEDIUM), ("critical", "is far too long", HIGH)),
    *_monitored("build.failure_rate", "Failure rate", ("warning", "is raised", MEDIUM), ("critical", "is high", HIGH)),
    # Resources
    *_monitored("resource.cpu", "CPU", ("warning", "usage is raised", MEDIUM), ("high", "usage exceeds threshold", HIGH)),
    *_monitored("resource.memory", "Memory", ("warning", "usage is raised", MEDIUM), ("high", "usage exceeds threshold", HIGH)),
    *_monitored("resource.disk", "Disk space", ("warning", "is running low", MEDIUM), ("low", "below threshold", CRITICAL)),
    # The daemon: our agent with the local engine, the BuildNet daemon with the other
    EventType("daemon.started", "BuildNet daemon started", MEDIUM, family="daemon.run", turn=Turn.CLOSES, has_state=True),
    EventType("daemon.stopped", "BuildNet daemon stopped", HIGH, family="daemon.run", turn=Turn.OPENS, has_state=True),
    EventType("daemon.error", "Daemon encountered error", CRITICAL, family="daemon.health", turn=Turn.OPENS, has_state=True),
    EventType(
        "daemon.recovered",
        "Daemon recovered from error",
        MEDIUM,
        family="daemon.health",
        turn=Turn.CLOSES,
        has_state=True,
    ),
    # Cluster and plugins
    *_pair(
        "node",
        {"failed": ("Worker node failed health check", CRITICAL), "left": ("Worker node left cluster", HIGH)},
        {"recovered": ("Worker node recovered", MEDIUM), "joined": ("New worker node joined cluster", MEDIUM)},
    ),
    *_pair(
        "plugin",
        {"failed": ("Plugin failed to load", HIGH)},
        {"loaded": ("Plugin loaded successfully", LOW)},
        has_state=False,
    ),
    EventType("plugin.unloaded", "Plugin unloaded", LOW),
    *_monitored("cluster.capacity", "Cluster load", ("warning", "is raised", MEDIUM), ("critical", "is near its limit", HIGH)),
    # Cache
    EventType("cache.cleared", "Cache was cleared", MEDIUM),
    EventType("cache.threshold", "Cache size exceeded threshold", MEDIUM),
    EventType("cache.artifact.created", "New artifact cached", LOW),
    EventType("cache.artifact.evicted", "Artifact evicted from cache", LOW),
    # Remote control, delivery, reports
    EventType("command.executed", "A remote command was executed", LOW),
    EventType("command.denied", "A remote command was denied", MEDIUM),
    EventType("command.failed", "A remote command failed", MEDIUM),
    EventType("command.rejected", "A remote message was no command", LOW),
    EventType("confirmation.locked", "Too many wrong confirmation codes", HIGH),
    *_pair("channel", {"failing": ("A channel cannot deliver", HIGH)}, {"recovered": ("A channel delivers again", MEDIUM)}),
    EventType("report.ready", "A report is ready", LOW),
]

CATALOG: Final = {entry.name: entry for entry in _TYPES}
"""Known event types by name."""

CUSTOM_PREFIX: Final = "custom."
"""Types under this prefix belong to the user; none of them is a mistake."""


def find(name: str) -> EventType | None:
    """The known type of this name; None for custom and unknown ones."""
    return CATALOG.get(name)


def priority_of(name: str, default: Priority) -> Priority:
    """What an event of this type is worth when its producer does not say."""
    known = CATALOG.get(name)
    return known.priority if known is not None else default
