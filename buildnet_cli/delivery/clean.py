"""What others say, made fit to be stored and sent on: without secrets, and without what UTF-8, JSON and SQLite cannot hold."""

from __future__ import annotations

import json
from typing import Any

from buildnet_cli.events.json_value import JsonObject
from buildnet_cli.redact import is_innocent, scrub, scrub_json

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
_ENCODER = json.JSONEncoder(ensure_ascii=False, default=str)
_DECODER = json.JSONDecoder(parse_constant=lambda _: None)


def clean_text(text: str) -> str:
    """The text without secrets; half of a surrogate pair becomes `?`."""
    return scrub(text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8"))


def clean_object(payload: JsonObject) -> dict[str, Any]:
    """The same for JSON; NaN and whatever else JSON does not have becomes null."""
    given = payload if isinstance(payload, dict) else dict(payload)
    try:
        text = _STRICT.encode(given)
        if text.isascii() and is_innocent(text):
            return given  # as most are
    except (TypeError, ValueError):
        text = _ENCODER.encode(given)
    if not is_innocent(text):
        text = _ENCODER.encode(scrub_json(given))
    cleaned: dict[str, Any] = _DECODER.decode(text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8"))
    return cleaned
