"""The bytes of a request's body. Pure."""

from __future__ import annotations

import json
from typing import Any

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def json_bytes(value: Any) -> bytes:
    """Compact JSON. Raises ValueError for a number that JSON does not know."""
    return text_bytes(_ENCODER.encode(value))


def text_bytes(text: str) -> bytes:
    """UTF-8; what is no character, such as half of a surrogate pair from a file name, becomes `?`."""
    return text.encode("utf-8", "replace")
