"""The mute stage: what a person asked not to hear of. It beats every other stage, but it never loses the end of a problem."""

from __future__ import annotations

from datetime import datetime

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Action, Case, Reason, Stage, Verdict
from buildnet_cli.routing.memory import Memory, Mute


def covers(mute: Mute, event: Event, now: datetime) -> bool:
    """Whether a mute means an event; it no longer does at its end."""
    is_meant = mute.pattern.matches(event.type, event.priority)
    return now < mute.until and is_meant and mute.subject in (None, event.subject)


def judge(case: Case, memory: Memory, now: datetime) -> Verdict:
    """Suppress what is muted; the end of a problem that was told before is kept until the mute ends."""
    meant = [mute for mute in memory.mutes(now) if covers(mute, case.event, now)]
    if not meant:
        return Verdict(Reason(Stage.MUTE, "not muted"))
    mute = max(meant, key=lambda each: each.until)
    text = f"muted by {mute.id} until {to_rfc3339(mute.until)}: {mute.reason}"
    if case.is_owed:
        return Verdict(Reason(Stage.MUTE, f"{text}; told when the mute ends"), Action.HOLD, mute.until)
    return Verdict(Reason(Stage.MUTE, text), Action.SUPPRESS)
