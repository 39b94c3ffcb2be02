"""The body of a request in the built-in form of its endpoint's format. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.discord import embed
from buildnet_cli.channels.slack import blocks
from buildnet_cli.messages.model import Message

_FORMS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "json": lambda message: message.event.as_wire(),
    "slack": blocks.body,
    "discord": embed.body,
}


def built_in(message: Message, form: str) -> bytes:
    """The message as `json` (the event exactly as on every wire), `slack` or `discord`."""
    return json_bytes(_FORMS[form](message))


def is_json(content_type: str) -> bool:
    """Whether a content type says JSON: `application/json`, `application/problem+json` …"""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")
