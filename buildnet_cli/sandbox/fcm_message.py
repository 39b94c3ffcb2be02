"""What Firebase would not take of a message. Pure.

Source: Firebase "REST Resource: projects.messages", "FCM Error Codes"; Apple "Sending notification requests to APNs".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

_TOPIC = re.compile(r"(?:/topics/)?[a-zA-Z0-9-_.~%]+")
_DURATION = re.compile(r"[0-9]+(?:\.[0-9]{1,9})?s")
_FORBIDDEN_DATA = re.compile(r"from|message_type|(?:google|gcm)(?:\.|$).*")
_MOST_BYTES = {"topic": 2_048, "token": 4_096, "condition": 4_096}
_LONGEST_COLLAPSE_ID = 64
_TARGETS = ("token", "topic", "condition")

# Members of a message that the API knows; it refuses any other.
_MEMBERS = {*_TARGETS, "name", "notification", "data", "android", "apns", "webpush", "fcm_options"}
_ANDROID = {"collapse_key", "priority", "ttl", "restricted_package_name", "data", "notification", "fcm_options", "direct_boot_ok"}
_NOTIFICATION = {"title", "body", "image"}


def flaw_of(body: Any, size: int) -> tuple[str, str] | None:
    """The first thing that is wrong: its field and what is wrong with it; None for a good message. size: bytes of the request."""
    return next(_flaws(body, size), None)


def _flaws(body: Any, size: int) -> Iterator[tuple[str, str]]:
    message = body.get("message") if isinstance(body, Mapping) else None
    if not isinstance(message, Mapping) or body.keys() - {"message", "validate_only"}:
        yield "message", "Invalid JSON payload received."
        return
    if unknown := message.keys() - _MEMBERS:
        yield f"message.{min(unknown)}", f"Invalid JSON payload received. Unknown name \"{min(unknown)}\" at 'message'"
    targets = [name for name in _TARGETS if name in message]
    if len(targets) != 1 or not isinstance(message[targets[0]], str):
        yield "message", "Exactly one of token, topic or condition is required."
        return
    if targets == ["topic"] and not _TOPIC.fullmatch(message["topic"]):
        yield "message.topic", "Invalid topic name: it must match [a-zA-Z0-9-_.~%]+"
    if size > _MOST_BYTES[targets[0]]:
        yield "message", f"Message is too big: {size} bytes"
    yield from _notification_flaws(message.get("notification"), "message.notification")
    yield from _data_flaws(message.get("data", {}))
    yield from _android_flaws(message.get("android", {}))
    yield from _apns_flaws(message.get("apns", {}))


def _notification_flaws(value: Any, field: str) -> Iterator[tuple[str, str]]:
    if value is None:
        return
    if (
        not isinstance(value, Mapping)
        or value.keys() - _NOTIFICATION
        or not all(isinstance(text, str) for text in value.values())
    ):
        yield field, "Invalid JSON payload received."


def _data_flaws(data: Any) -> Iterator[tuple[str, str]]:
    for name, value in data.items() if isinstance(data, Mapping) else [("", None)]:
        if not isinstance(value, str):
            yield "message.data[0].value", f"Invalid value at 'message.data[0].value' (TYPE_STRING), \"{name}\""
        if _FORBIDDEN_DATA.fullmatch(name):
            yield "message.data", f"Invalid data payload key: {name}"


def _android_flaws(android: Any) -> Iterator[tuple[str, str]]:
    if not isinstance(android, Mapping) or android.keys() - _ANDROID:
        yield "message.android", "Invalid JSON payload received."
        return
    if str(android.get("priority", "normal")).lower() not in ("normal", "high"):
        yield "message.android.priority", "Invalid value at 'message.android.priority'"
    if not _DURATION.fullmatch(str(android.get("ttl", "0s"))):
        yield "message.android.ttl", "Invalid duration format at 'message.android.ttl'"


def _apns_flaws(apns: Any) -> Iterator[tuple[str, str]]:
    headers = apns.get("headers", {}) if isinstance(apns, Mapping) else None
    if not isinstance(headers, Mapping) or not all(isinstance(value, str) for value in headers.values()):
        yield "message.apns.headers", "Invalid JSON payload received."
        return
    if "payload" in apns and not isinstance(apns["payload"].get("aps"), Mapping):
        yield "message.apns.payload", "Invalid value: aps is missing"
    if headers.get("apns-priority", "10") not in ("10", "5", "1"):
        yield "message.apns.headers.apns-priority", "Invalid apns-priority"
    if len(headers.get("apns-collapse-id", "").encode()) > _LONGEST_COLLAPSE_ID:
        yield "message.apns.headers.apns-collapse-id", "apns-collapse-id is longer than 64 bytes"
    if headers.get("apns-push-type", "alert") not in ("alert", "background"):
        yield "message.apns.headers.apns-push-type", "Invalid apns-push-type"
