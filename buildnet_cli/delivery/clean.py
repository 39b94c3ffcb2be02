"""What others say, made fit to be stored and sent on: without secrets, and without what UTF-8, JSON and SQLite cannot hold."""

from __future__ import annotations

import json
from typing import Any

from buildnet_cli.events.json_value import JsonObject
from buildnet_cli.redact import is_innocent, scrub, scrub_json

_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


def clean_text(text: str) -> str:
    """The text without secrets; half of a surrogate pair becomes `?`."""
    return scrub(text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8"))


def clean_object(payload: JsonObject) -> dict[str, Any]:
    """The same for JSON; NaN and whatever else JSON does not have becomes null."""
    text = _ENCODER.encode(payload if isinstance(payload, dict) else dict(payload))
    if not is_innocent(text):
        text = _ENCODER.encode(scrub_json(dict(payload)))
    cleaned: dict[str, Any] = _DECODER.decode(text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8"))
    return cleaned
