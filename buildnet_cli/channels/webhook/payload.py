"""The body of a request, by format: what the endpoint's template makes of the message, or the format's own form. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from buildnet_cli.channels.webhook import discord, slack
from buildnet_cli.messages.model import Message

_FORMS: dict[str, Callable[[Message], dict[str, Any]]] = {
    "json": lambda message: message.event.as_wire(),
    "slack": slack.body,
    "discord": discord.body,
}

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def built_in(message: Message, form: str) -> bytes:
    """The message as `json` (the event exactly as on every wire), `slack` or `discord`."""
    return encode(_ENCODER.encode(_FORMS[form](message)))


def encode(text: str) -> bytes:
    """UTF-8; what is no character, such as half of a surrogate pair from a file name, becomes `?`."""
    return text.encode("utf-8", "replace")


def is_json(content_type: str) -> bool:
    """Whether a content type says JSON: `application/json`, `application/problem+json` …"""
    media_type = content_type.partition(";")[0].strip().lower()
    return media_type in ("application/json", "text/json") or media_type.endswith("+json")
