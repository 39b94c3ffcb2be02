"""The one sentence of an event, and what it means for its reader."""

from __future__ import annotations

from buildnet_cli.events.catalog import Turn, find
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.model import Tone


def said(event: Event) -> str:
    """The first line of the event's own message; else what the catalogue says of its type, or just the type."""
    own = next((line for line in event.message.splitlines() if line.strip()), "")
    if own:
        return one_line(own)
    known = find(event.type)
    return known.description if known is not None else event.type


def tone_of(event: Event) -> Tone:
    """Whether an event is good or bad news: by what it does to the incident of its subject, else by its priority."""
    known = find(event.type)
    turn = known.turn if known is not None else None
    is_serious = event.priority.is_at_least(Priority.HIGH)
    if turn is Turn.OPENS:
        return Tone.PROBLEM if is_serious else Tone.WARNING
    if turn is Turn.CLOSES:
        return Tone.GOOD
    return Tone.WARNING if is_serious else Tone.NEUTRAL
