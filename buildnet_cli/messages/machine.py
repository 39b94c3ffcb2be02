"""The words for machines: resources and other monitored levels, the daemon, nodes, plugins, the cache.

Payloads may hold,
of monitored levels: `percent`, `limit_percent`, `used_mb`, `free_mb`, `size`, `limit`, `duration_ms`, `peak_percent`, `host`,
`for_secs` (how long the level has held, or held), `full_in_secs`;
of the daemon: `reason`, `exit_code`, `uptime_secs`, `builds_lost`, `version`, `host`, `log_tail`;
of nodes and plugins: `reason`, `version`, `missed_checks`, `moved_builds`;
of the cache: `percent`, `size_mb`, `limit_mb`, `artifacts`, `freed_mb`, `package`.
"""

from __future__ import annotations

from datetime import timedelta

from buildnet_cli.events.model import Event
from buildnet_cli.messages.facts import Facts, fields_of, format_number
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.words import said

_MILLISECOND = timedelta(milliseconds=1)
_SECOND = timedelta(seconds=1)
_TAIL_LINES = 12

_MONITORED = {
    "resource.cpu": "CPU",
    "resource.memory": "memory",
    "resource.disk": "disk",
    "build.duration": "build duration",
    "build.queue": "build queue",
    "build.failure_rate": "failure rate",
    "cluster.capacity": "cluster load",
}


def level(event: Event, facts: Facts) -> Message:
    """`ci-01 CPU HIGH 97%`, `ci-01 disk /tmp LOW, 96% used`, `ci-01 memory normal 41%`."""
    family, _, state = event.type.rpartition(".")
    what = _MONITORED.get(family, family)
    host = facts.text("host")
    if family == "resource.disk":
        subject = " ".join(filter(None, (host, what, event.subject)))
    else:
        subject = " ".join(filter(None, (host or event.subject, what)))
    reading = _reading(facts)
    if reading and family == "resource.disk":
        reading = f", {reading} used"
    elif reading:
        reading = f" {reading}"
    return Message(
        event,
        title=f"{subject} {state if state == 'normal' else state.upper()}{reading}",
        line=said(event),
        fields=fields_of(
            ("Limit", _percent(facts, "limit_percent") or facts.text("limit")),
            ("Full in about", facts.duration("full_in_secs", unit=_SECOND)),
            ("Free", _megabytes(facts, "free_mb")),
            ("Used", _megabytes(facts, "used_mb")),
            ("Peak", _percent(facts, "peak_percent")),
            ("For", facts.duration("for_secs", unit=_SECOND)),
        ),
    )


def daemon(event: Event, facts: Facts) -> Message:
    """`BuildNet STOPPED on ci-01`."""
    word = {"started": "started", "stopped": "STOPPED", "error": "ERROR", "recovered": "recovered"}[event.type.split(".")[1]]
    host = facts.text("host") or event.subject
    return Message(
        event,
        title=f"BuildNet {word}" + (f" on {host}" if host else ""),
        line=said(event),
        fields=fields_of(
            ("Reason", facts.text("reason")),
            ("Exit code", facts.text("exit_code")),
            ("Builds lost", facts.text("builds_lost")),
            ("Uptime", facts.duration("uptime_secs", unit=_SECOND)),
            ("Version", facts.text("version")),
        ),
        code=facts.lines("log_tail", last=_TAIL_LINES),
    )


def member(event: Event, facts: Facts) -> Message:
    """`node w3 FAILED`, `plugin lint loaded`."""
    kind, state = event.type.split(".", 1)
    word = {"failed": "FAILED", "left": "LEFT"}.get(state, state)
    return Message(
        event,
        title=" ".join(filter(None, (kind, event.subject, word))),
        line=said(event),
        fields=fields_of(
            ("Reason", facts.text("reason")),
            ("Missed checks", facts.text("missed_checks")),
            ("Moved builds", facts.text("moved_builds")),
            ("Version", facts.text("version")),
        ),
    )


def cache(event: Event, facts: Facts) -> Message:
    """`cache 92% of limit`, `cache CLEARED`, `artifact evicted: api`."""
    percent = _percent(facts, "percent")
    titles = {
        "cache.cleared": "cache CLEARED",
        "cache.threshold": f"cache {percent} of limit" if percent else "cache OVER ITS THRESHOLD",
        "cache.artifact.created": "artifact cached",
        "cache.artifact.evicted": "artifact evicted",
    }
    title = titles[event.type]
    about = facts.text("package") or event.subject
    return Message(
        event,
        title=f"{title}: {about}" if about and event.type.startswith("cache.artifact.") else title,
        line=said(event),
        fields=fields_of(
            ("Size", _megabytes(facts, "size_mb")),
            ("Limit", _megabytes(facts, "limit_mb")),
            ("Artifacts", facts.text("artifacts")),
            ("Freed", _megabytes(facts, "freed_mb")),
        ),
    )


def _reading(facts: Facts) -> str:
    return _percent(facts, "percent") or facts.duration("duration_ms", unit=_MILLISECOND) or facts.text("size")


def _percent(facts: Facts, name: str) -> str:
    value = facts.number(name)
    return f"{format_number(round(value, 1))}%" if value is not None else ""


def _megabytes(facts: Facts, name: str) -> str:
    value = facts.number(name)
    return f"{format_number(round(value, 1))} MB" if value is not None else ""
