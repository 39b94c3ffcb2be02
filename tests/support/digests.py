"""Digests for tests: a night with one problem that stays, and how it is told."""

from __future__ import annotations

from datetime import datetime, timedelta

from buildnet_cli.events.incident import key_of
from buildnet_cli.events.model import Event
from buildnet_cli.messages import digest
from tests.support.messages import NOON
from tests.support.routing import told

AT = datetime.fromisoformat("2024-01-27T04:10:00+00:00")


def night() -> list[Event]:
    """A night with one problem that stays, one that comes and goes, and a flood."""
    moments = (AT + timedelta(minutes=number) for number in range(100))
    story = [
        told("build.failed", "api", at=next(moments)),
        told("resource.disk.low", "/var", at=next(moments)),
        told("build.completed", "api", at=AT + timedelta(minutes=30)),
        told("daemon.started", "ci-01", at=next(moments)),
    ]
    flood = [told("build.failed", f"pkg{number % 3}", at=next(moments)) for number in range(20)]
    return [*story, *flood, *(told("cache.cleared", "", at=next(moments)) for _ in range(2))]


def a_digest(kind: str, events: list[Event] | None = None, *, still: set[tuple[str, str]] = frozenset()) -> Event:
    events = events or night()
    is_open = {key: (key.family, key.subject) in still for each in events if (key := key_of(each))}
    content = digest.compose(events, kind, is_open, "America/New_York")
    return Event(
        "evt_01hn3p4q5r6s7t8v9w0x1y2z3a",
        f"digest.{kind}",
        events[0].priority,
        digest.headline(content),
        "",
        "agent",
        NOON,
        content,
    )


STILL = {("resource.disk", "/var"), ("build", "pkg0"), ("build", "pkg1"), ("build", "pkg2")}


def fixed(sample: Event) -> Event:
    """The same with ids that are the same every time."""
    ids = [f"evt_{number}" for number, _ in enumerate(sample.payload["event_ids"])]
    return Event(**{**{name: getattr(sample, name) for name in Event.__slots__}, "payload": {**sample.payload, "event_ids": ids}})


DIGESTS = {f"digest.{kind}": fixed(a_digest(kind, still=STILL)) for kind in ("quiet_hours", "batch", "rate_limit")}
"""As `messages.SAMPLES`, one of each kind."""
