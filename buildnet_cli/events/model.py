"""An event: a fact that happened. Producers hand in a draft; the ingest makes it an event."""

from __future__ import annotations

import json
import math
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.errors import UsageError
from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.events.pattern import is_event_type
from buildnet_cli.events.priority import Priority

MAX_MESSAGE = 16_384
"""Characters of a message that are kept; channels cut it further to their own limits."""
MAX_SUBJECT = 512
"""Characters of a subject or a source."""
MAX_PAYLOAD = 262_144
"""Bytes of a payload as JSON."""
MAX_DEPTH = 32
"""How deep a payload may nest."""

# Subjects and sources are names: one line, no control characters.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
# Messages may have lines and tabs, nothing else that a terminal would obey.
_CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

JsonObject = Mapping[str, Any]


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
    """

    type: str
    message: str = ""
    subject: str = ""
    priority: Priority | None = None
    source: str = ""
    timestamp: datetime | None = None
    payload: JsonObject = field(default_factory=dict)


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


_DRAFT_FIELDS = ("type", "message", "subject", "priority", "source", "timestamp", "payload")


def read_draft(value: object) -> EventDraft:
    """Check what a producer outside the process handed in.

    value: parsed JSON; `package` and `data` are understood as `subject` and `payload`.
    Raises UsageError that names the field, what it holds and what it may hold.
    """
    if not isinstance(value, dict):
        raise UsageError(f"an event is a JSON object, not {_kind_of(value)}", where="event")
    fields = {_ALIASES.get(str(name), str(name)): content for name, content in value.items()}
    for name in fields:
        if name not in _DRAFT_FIELDS:
            import difflib

            near = difflib.get_close_matches(name, _DRAFT_FIELDS, n=1)
            hint = f'did you mean "{near[0]}"?' if near else f"an event has {', '.join(_DRAFT_FIELDS)}"
            raise UsageError(f'an event has no field "{name[:80]}"', hint=hint, where=name[:80])
    return EventDraft(
        type=_read_type(fields.get("type")),
        message=_read_message(fields.get("message", "")),
        subject=_read_name("subject", fields.get("subject", "")),
        priority=_read_priority(fields.get("priority")),
        source=_read_name("source", fields.get("source", "")),
        timestamp=_read_timestamp(fields.get("timestamp")),
        payload=_read_payload(fields.get("payload", {})),
    )


_ALIASES = {"package": "subject", "data": "payload"}


def _read_type(value: object) -> str:
    if value is None:
        raise UsageError('an event needs a "type", such as "build.failed"', where="type")
    if not isinstance(value, str) or not is_event_type(value):
        import difflib

        near = difflib.get_close_matches(str(value)[:80].lower(), CATALOG, n=1)
        hint = f'did you mean "{near[0]}"?' if near else "use lower-case segments joined by dots, such as custom.deploy.done"
        raise UsageError(f"{_quoted(value)} is no event type", hint=hint, where="type")
    return value


def _read_message(value: object) -> str:
    return _CONTROL_IN_TEXT.sub("\N{REPLACEMENT CHARACTER}", _read_text("message", value).replace("\r\n", "\n"))[:MAX_MESSAGE]


def _read_name(name: str, value: object) -> str:
    text = _read_text(name, value)
    if _CONTROL.search(text):
        raise UsageError(
            f"{name} {_quoted(text)} holds a line break or control character", hint="give it in one line", where=name
        )
    if len(text) > MAX_SUBJECT:
        raise UsageError(f"{name} has {len(text)} characters; at most {MAX_SUBJECT} are taken", where=name)
    return text


def _read_text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise UsageError(f"{name} must be text, not {_kind_of(value)}", where=name)
    # A lone surrogate is no character; SQLite and UTF-8 refuse it.
    return unicodedata.normalize("NFC", value.encode("utf-8", "replace").decode("utf-8"))


def _read_priority(value: object) -> Priority | None:
    if value is None:
        return None
    try:
        return Priority(str(value))
    except ValueError:
        raise UsageError(f"{_quoted(value)} is no priority", hint="use low, medium, high or critical", where="priority") from None


def _read_timestamp(value: object) -> datetime | None:
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        return from_rfc3339(value)
    except (ValueError, OverflowError):
        raise UsageError(
            f"{_quoted(value)} is no time with an offset", hint="write it as 2024-01-26T12:00:00Z", where="timestamp"
        ) from None


def _read_payload(value: object) -> JsonObject:
    if not isinstance(value, dict):
        raise UsageError(f"payload must be a JSON object, not {_kind_of(value)}", where="payload")
    checked = _checked(value, "payload", MAX_DEPTH)
    size = len(json.dumps(checked, ensure_ascii=False).encode())
    if size > MAX_PAYLOAD:
        raise UsageError(f"payload has {size} bytes; at most {MAX_PAYLOAD} are taken", where="payload")
    assert isinstance(checked, dict)
    return checked


def _checked(value: object, where: str, depth: int) -> object:
    if depth == 0:
        raise UsageError(f"payload is nested too deeply; at most {MAX_DEPTH} levels are taken", where=where[:80])
    if isinstance(value, dict):
        return {_read_text(where, name): _checked(part, f"{where}.{name}", depth - 1) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [_checked(part, f"{where}[{index}]", depth - 1) for index, part in enumerate(value)]
    if isinstance(value, str):
        return _read_text(where, value)
    if isinstance(value, float) and not math.isfinite(value):
        raise UsageError("payload holds NaN or an infinite number, which JSON does not have", where=where[:80])
    if value is None or isinstance(value, bool | int | float):
        return value
    raise UsageError(f"payload holds {_kind_of(value)}, which JSON does not have", where=where[:80])


def _kind_of(value: object) -> str:
    names = {
        dict: "an object",
        list: "a list",
        str: "text",
        bool: "true or false",
        int: "a number",
        float: "a number",
        type(None): "null",
    }
    return names.get(type(value), "something else")


def _quoted(value: object) -> str:
    return ascii(value)[:80] if isinstance(value, str) else json.dumps(value, default=str)[:80]
