"""The dedup stage: the same news to the same target at most once in a window, unless something about it has changed."""

from __future__ import annotations

import hashlib
import re
from datetime import datetime, timedelta

from buildnet_cli.duration import format_duration
from buildnet_cli.events.catalog import Turn, find
from buildnet_cli.events.incident import IncidentKey, Pairing, turn_of
from buildnet_cli.events.incident import key_of as incident_key
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Action, Case, Reason, Stage, Verdict
from buildnet_cli.routing.memory import Memory

PATH = ("notifications", "settings", "dedup_window_secs")

# Each of these tells of one build; a failure tells of a state of the package.
_ONE_PER_BUILD = frozenset({"build.queued", "build.started", "build.completed", "build.cached", "build.cancelled"})

_VARYING = re.compile(r"0x[0-9a-f]+|[0-9]+", re.IGNORECASE)


def identity(event: Event, pairing: Pairing | None = None) -> str:
    """What makes an event a repeat of another one: never its message, a value or a time.

    The family and subject of what has a state; else type, subject, and the build or the error it tells of.
    """
    custom = pairing.get(event.type) if pairing else None
    known = find(event.type)
    if custom is not None or (known is not None and known.has_state):
        family = custom[0] if custom is not None else known.family if known is not None else ""
        return f"{family}|{event.subject}"
    detail = _text(event.payload.get("id")) if event.type in _ONE_PER_BUILD else _fingerprint(event)
    return f"{event.type}|{event.subject}|{detail}"


def incident_of(event: Event, memory: Memory, pairing: Pairing | None = None) -> str:
    """Id of the event that opened the problem an event speaks of: an earlier one, or itself; empty if it opens none."""
    key = incident_key(event, pairing)
    if key is None or turn_of(event, pairing) is not Turn.OPENS:
        return ""
    known = memory.incident(key)
    return known.opened_by if known is not None else event.id


def ends(event: Event, pairing: Pairing | None = None) -> IncidentKey | None:
    """The problem whose end an event tells of, if it is one that was open."""
    return incident_key(event, pairing) if turn_of(event, pairing) is Turn.CLOSES else None


def judge(case: Case, window: timedelta, memory: Memory, now: datetime, pairing: Pairing | None = None) -> Verdict:
    """Suppress a repeat. A changed state, another incident or a worse priority is none, and the end of a problem never is."""
    if not window:
        return Verdict(Reason(Stage.DEDUP, "repeats are sent", PATH))
    length = format_duration(window)
    told = memory.told(case.target, identity(case.event, pairing))
    if told is None:
        return Verdict(Reason(Stage.DEDUP, f"first in {length}", PATH))
    if now - told.at >= window:
        since = f", {told.folded} repeats were folded" if told.folded else ""
        return Verdict(Reason(Stage.DEDUP, f"first in {length}{since}", PATH), repeats=told.folded)
    if told.type != case.event.type:
        return Verdict(Reason(Stage.DEDUP, f"changed from {told.type}", PATH), repeats=told.folded)
    if told.incident != incident_of(case.event, memory, pairing):
        return Verdict(Reason(Stage.DEDUP, "it was over in between", PATH), repeats=told.folded)
    if case.event.priority.rank > told.priority.rank:
        return Verdict(Reason(Stage.DEDUP, f"worse than before: {told.priority.value}", PATH), repeats=told.folded)
    if case.is_owed:
        return Verdict(Reason(Stage.DEDUP, "the end of a problem is always told", PATH), repeats=told.folded)
    ago = format_duration(now - told.at)
    return Verdict(Reason(Stage.DEDUP, f"told {ago} ago; repeats within {length} are folded", PATH), Action.SUPPRESS)


def _fingerprint(event: Event) -> str:
    """What error an event tells of, without what varies from run to run; empty if it tells of none."""
    error = event.payload.get("error")
    if not isinstance(error, dict):
        return ""
    given = _text(error.get("fingerprint"))
    if given:
        return given
    headline, file = _text(error.get("headline")), _text(error.get("file"))
    if not headline and not file:
        return ""
    return hashlib.sha256(_VARYING.sub("#", f"{file}|{headline}").encode("utf-8", "replace")).hexdigest()[:16]


def _text(value: object) -> str:
    return value[:200] if isinstance(value, str) else ""
