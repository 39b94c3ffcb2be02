"""What tells of a channel's trouble never goes out through that very channel: it would wait with all the rest, or feed itself."""

from __future__ import annotations

from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Target

_ABOUT_CHANNELS = frozenset({"channel.failing", "channel.recovered"})


def speaks_of(event: Event, target: Target) -> bool:
    """Whether an event is about this target; its subject is then `channel:recipient`, or the whole channel."""
    return event.type in _ABOUT_CHANNELS and event.subject in (str(target), target.channel)
