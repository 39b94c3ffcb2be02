"""A message as Firebase takes it for a topic. Pure.

Source: Firebase "REST Resource: projects.messages" (exactly one of token, topic and condition; data of texts only, without the
names from, message_type, google.* and gcm.*) and "FCM Error Codes" (2,048 bytes for topics); Apple "Sending notification requests
to APNs" (apns-collapse-id at most 64 bytes). iOS takes title and body from `notification` too.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any, Final

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.events.priority import Priority
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe, fit
from buildnet_cli.messages.model import Message

MOST_BYTES: Final = 2_048

# What a locked screen shows of them.
_TITLE = 50
_BODY = 120
# The data is for the app, which can ask for the rest by the id.
_SUBJECT = 60
_LONGEST_ID = 64

# Nobody wants to be woken by yesterday's news when the phone is on again.
_KEPT_FOR = timedelta(days=1)

_URGENT = frozenset({Priority.HIGH, Priority.CRITICAL})
_INTERRUPTION = {Priority.LOW: "passive", Priority.CRITICAL: "time-sensitive"}


def body(message: OutgoingMessage, topic: str) -> dict[str, Any]:
    """`{message: {topic, notification, data, android, apns}}`."""
    shown, event = message.message, message.message.event
    # Of one problem, only what was said last stays on the screen; and of one message, only one of two copies.
    tag = (message.incident or message.delivery_id)[:_LONGEST_ID]
    return {
        "message": {
            "topic": topic,
            "notification": _notification(shown),
            "data": _data(message),
            "android": _android(event.priority, tag, message.incident),
            "apns": _apns(event.priority, tag, message.sent_at),
        }
    }


def _notification(message: Message) -> dict[str, str]:
    title, line = _text(message.headline, _TITLE), _text(message.line, _BODY)
    return {"title": title, "body": line} if line != title else {"title": title}


def _android(priority: Priority, tag: str, incident: str) -> dict[str, Any]:
    notification = {"tag": tag, "channel_id": "buildnet_critical" if priority is Priority.CRITICAL else "buildnet"}
    return {
        "priority": "high" if priority in _URGENT else "normal",
        "ttl": f"{int(_KEPT_FOR.total_seconds())}s",
        # A phone that is off keeps four of them at most, so what stands alone has none.
        **({"collapse_key": incident[:_LONGEST_ID]} if incident else {}),
        "notification": notification,
    }


def _apns(priority: Priority, tag: str, sent_at: datetime) -> dict[str, Any]:
    headers = {
        "apns-push-type": "alert",
        "apns-priority": "10" if priority in _URGENT else "5",
        "apns-expiration": str(int((sent_at + _KEPT_FOR).timestamp())),
        "apns-collapse-id": tag,
    }
    aps: dict[str, Any] = {"thread-id": tag, "interruption-level": _INTERRUPTION.get(priority, "active")}
    if priority is not Priority.LOW:
        aps["sound"] = "default"
    return {"headers": headers, "payload": {"aps": aps}}


def _data(message: OutgoingMessage) -> dict[str, str]:
    event = message.message.event
    build = event.payload.get("id") if event.type.startswith("build.") else None
    facts = {
        "delivery_id": message.delivery_id,
        "event_id": event.id,
        "incident": message.incident,
        "build_id": build if isinstance(build, str) else "",
        "type": event.type,
        "priority": event.priority.value,
        "subject": event.subject,
        "timestamp": to_rfc3339(event.timestamp),
    }
    texts = {name: _text(value, _SUBJECT) for name, value in facts.items() if value}
    return texts | ({"is_test": "true"} if message.message.is_test else {})


def _text(text: str, limit: int) -> str:
    return fit(drop_unsafe(one_line(text)), limit)
