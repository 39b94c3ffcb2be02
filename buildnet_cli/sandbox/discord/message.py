"""A message as Discord shows it to programs. Pure.

Source: Discord "Message" resource (message object, message types), "Snowflakes".
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

BOT: Final = {"id": "100000000000000002", "username": "buildnet", "discriminator": "0", "avatar": None, "bot": True}

_EPOCH_MS = 1_420_070_400_000
_REPLY = 19


def snowflake(moment: datetime, count: int) -> str:
    """An id that tells its moment. count: makes ids of one millisecond differ."""
    return str((int(moment.timestamp() * 1000) - _EPOCH_MS) << 22 | count & 0xFFF)


def shown(
    id: str, room: str, given: Mapping[str, Any], posted_at: datetime, *, edited_at: datetime | None = None, webhook: str = ""
) -> dict[str, Any]:
    """What a program gets back. webhook: the id of the one it came through; empty if the bot posted it."""
    author = {"id": webhook, "username": "Builds", "discriminator": "0000", "avatar": None, "bot": True} if webhook else BOT
    message: dict[str, Any] = {
        "id": id,
        "type": _REPLY if "message_reference" in given else 0,
        "channel_id": room,
        "author": author,
        "content": given.get("content") or "",
        "timestamp": posted_at.isoformat(),
        "edited_timestamp": edited_at.isoformat() if edited_at is not None else None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [{"type": "rich", **embed} for embed in given.get("embeds") or []],
        "components": [],
        "pinned": False,
        "flags": given.get("flags") or 0,
    }
    kept = {name: given[name] for name in ("nonce", "message_reference") if given.get(name) is not None}
    return {**message, **kept, **({"webhook_id": webhook} if webhook else {})}
