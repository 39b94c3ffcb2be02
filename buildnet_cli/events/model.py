"""An event: a fact that happened. Producers hand in a draft; the ingest makes it an event."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.errors import UsageError
from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.events.json_value import JsonObject, check_size, kind_of, place, quoted, read_payload, read_text
from buildnet_cli.events.pattern import is_event_type
from buildnet_cli.events.priority import Priority

MAX_MESSAGE = 16_384
"""Characters of a message that are kept; channels cut it further to their own limits."""
MAX_SUBJECT = 512
"""Characters of a subject or a source."""

# Subjects and sources are names: one line, no control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Messages may have lines and tabs, nothing else that a terminal would obey.
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,99}")


@dataclass(frozen=True, slots=True)
class EventDraft:
    """What a producer knows of an event, before it is accepted.

    type: dotted lower-case segments, such as `build.failed`.
    message: one sentence, or several lines.
    subject: what it is about: a package, path, host, node, plugin or channel; empty if nothing in particular.
    priority: None for the type's own.
    source: who says so, such as `engine` or `cli`; empty for the door it came in by.
    timestamp: when it happened; None for now.
    payload: further JSON fields.
    id: the producer's own name for it, such as `job-17`: handed in twice, it is one event; empty for none.
    """

    type: str
    message: str = ""
    subject: str = ""
    priority: Priority | None = None
    source: str = ""
    timestamp: datetime | None = None
    payload: JsonObject = field(default_factory=dict)
    id: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """A fact that happened, as it is stored and sent. Its wire form is the same everywhere: webhook, WebSocket, API, `--json`."""

    id: str
    type: str
    priority: Priority
    message: str
    subject: str
    source: str
    timestamp: datetime
    payload: JsonObject

    def as_wire(self) -> dict[str, Any]:
        """`{id, type, priority, message, subject, source, timestamp, payload}`, ready for JSON."""
        return {
            "id": self.id,
            "type": self.type,
            "priority": self.priority.value,
            "message": self.message,
            "subject": self.subject,
            "source": self.source,
            "timestamp": to_rfc3339(self.timestamp),
            "payload": dict(self.payload),
        }


_DRAFT_FIELDS = ("type", "message", "subject", "priority", "source", "timestamp", "payload", "id")
_ALIASES = {"package": "subject", "data": "payload"}


def read_draft(value: object) -> EventDraft:
    """Check what a producer outside the process handed in.

    value: parsed JSON; `package` and `data` are understood as `subject` and `payload`.
    Raises UsageError that names the field, what it holds and what it may hold.
    """
    if not isinstance(value, dict):
        raise UsageError(f"an event is a JSON object, not {kind_of(value)}", where="event")
    fields: dict[str, Any] = {}
    for name, content in value.items():
        known = _ALIASES.get(name, name)
        if known not in _DRAFT_FIELDS:
            raise _unknown_field(str(name))
        if known in fields:
            raise UsageError(f'an event has "{known}" and "{name}", which are the same', hint="give one of them", where=known)
        fields[known] = content
    return EventDraft(
        type=_read_type(fields.get("type")),
        message=_read_message(fields.get("message", "")),
        subject=_read_name("subject", fields.get("subject", "")),
        priority=_read_priority(fields.get("priority")),
        source=_read_name("source", fields.get("source", "")),
        timestamp=_read_timestamp(fields.get("timestamp")),
        payload=read_payload(fields.get("payload", {})),
        id=_read_id(fields.get("id", "")),
    )


def _unknown_field(name: str) -> UsageError:
    import difflib

    near = difflib.get_close_matches(name[:80], _DRAFT_FIELDS, n=1)
    hint = f'did you mean "{near[0]}"?' if near else f"an event has {', '.join(_DRAFT_FIELDS)}"
    return UsageError(f"an event has no field {quoted(name)}", hint=hint, where=place(name))


def _read_type(value: object) -> str:
    if value is None:
        raise UsageError('an event needs a "type", such as "build.failed"', where="type")
    if not isinstance(value, str) or not is_event_type(value):
        if isinstance(value, str) and "*" in value:
            raise UsageError(f"{quoted(value)} is a pattern, not an event type", hint="name one type", where="type")
        import difflib

        near = difflib.get_close_matches(value[:80].lower(), CATALOG, n=1) if isinstance(value, str) else []
        hint = f'did you mean "{near[0]}"?' if near else "use lower-case segments joined by dots, such as custom.deploy.done"
        raise UsageError(f"{quoted(value)} is no event type", hint=hint, where="type")
    return value


def _read_id(value: object) -> str:
    if value == "" or (isinstance(value, str) and _ID.fullmatch(value)):
        return str(value)
    hint = "use up to 100 letters, digits, dots, colons, - and _"
    raise UsageError(f"{quoted(value)} is no id", hint=hint, where="id")


def _read_message(value: object) -> str:
    text = read_text("message", value)
    check_size("message", text)
    return _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n"))[:MAX_MESSAGE]


def _read_name(name: str, value: object) -> str:
    text = read_text(name, value)
    if _CONTROL.search(text):
        raise UsageError(f"{name} {quoted(text)} holds a line break or control character", hint="give it in one line", where=name)
    if len(text) > MAX_SUBJECT:
        raise UsageError(f"{name} has {len(text)} characters; at most {MAX_SUBJECT} are taken", where=name)
    return text


def _read_priority(value: object) -> Priority | None:
    if value is None:
        return None
    if not isinstance(value, str) or value not in Priority.__members__.values():
        raise UsageError(f"{quoted(value)} is no priority", hint="use low, medium, high or critical", where="priority")
    return Priority(value)


def _read_timestamp(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        return from_rfc3339(value)
    except ValueError:
        raise UsageError(
            f"{quoted(value)} is no RFC 3339 time with an offset", hint="write it as 2024-01-26T12:00:00Z", where="timestamp"
        ) from None
