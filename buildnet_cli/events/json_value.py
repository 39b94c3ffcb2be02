"""What a producer's JSON may hold, and how a value is shown in an error. Nothing here knows what an event is."""

from __future__ import annotations

import json
import math
import unicodedata
from collections.abc import Mapping
from typing import Any

from buildnet_cli.errors import TooLargeError, UsageError

JsonObject = Mapping[str, Any]

MAX_BYTES = 262_144
"""Bytes of one text, and of a payload as JSON; a producer that sends more has slipped."""
MAX_DEPTH = 32
"""How deep a payload may nest."""
MAX_KEYS = 1000
"""Keys of a payload, at all depths together."""
MAX_NUMBER = 2**63 - 1
"""The largest whole number, positive or negative: what SQLite and most receivers can hold."""

_LONGEST_SHOWN = 80
_ENCODER = json.JSONEncoder(ensure_ascii=False)
_KINDS = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}


def read_payload(value: object) -> JsonObject:
    """A JSON object within the limits above, as a copy. Raises UsageError that names the key."""
    if not isinstance(value, dict):
        raise UsageError(f"payload must be a JSON object, not {kind_of(value)}", where="payload")
    for name, part in value.items():
        if isinstance(part, int | float) and part < 0 and str(name).startswith("duration"):
            where = place(f"payload.{name}")
            raise UsageError(f"{where} is {quoted(part)}; nothing takes less than no time", where=where)
    checked = _Walk().read_object(value, "payload", MAX_DEPTH)
    # JSON spends at most six bytes where Python shows one character, so nearly all are small without a closer look.
    if len(repr(checked)) * 6 > MAX_BYTES:
        check_size("payload", _ENCODER.encode(checked))
    return checked


def read_text(where: str, value: object) -> str:
    """Text in normal form C that UTF-8 can carry: a lone surrogate becomes `?`. Raises UsageError if it is no text."""
    if not isinstance(value, str):
        raise UsageError(f"{where} must be text, not {kind_of(value)}", where=where)
    if value.isascii():
        return value
    return unicodedata.normalize("NFC", value.encode("utf-8", "replace").decode("utf-8"))


def check_size(where: str, text: str) -> None:
    """Raises TooLargeError if this text is larger than MAX_BYTES."""
    size = len(text) if text.isascii() else len(text.encode())
    if size > MAX_BYTES:
        raise TooLargeError(f"{where} has {-(-size // 1024)} KiB; at most {MAX_BYTES // 1024} KiB are taken", where=where)


def kind_of(value: object) -> str:
    """What a value is, in the words of JSON."""
    return _KINDS.get(type(value)) or ("a number" if isinstance(value, int | float) else "something else")


def quoted(value: object) -> str:
    """A value as an error may show it: one line, short, nothing that a terminal would obey."""
    if isinstance(value, str):
        return repr(value[:_LONGEST_SHOWN])
    if isinstance(value, float) or (isinstance(value, int) and abs(value) <= MAX_NUMBER):
        return json.dumps(value)
    return kind_of(value)


def place(path: str) -> str:
    """A key path as an error may show it."""
    return repr(path[:_LONGEST_SHOWN])[1:-1]


class _Walk:
    """One walk over a payload, which counts its keys."""

    def __init__(self) -> None:
        self._keys = 0

    def read_object(self, value: dict[Any, Any], where: str, depth: int) -> dict[str, object]:
        self._keys += len(value)
        if self._keys > MAX_KEYS:
            raise UsageError(f"payload has more than {MAX_KEYS} keys", hint="send what a person would read", where="payload")
        return {
            name if type(name) is str and name.isascii() else read_text(place(where), name): self.read_value(
                part, f"{where}.{name}", depth - 1
            )
            for name, part in value.items()
        }

    def read_value(self, value: object, where: str, depth: int) -> object:
        if isinstance(value, str):
            return value if value.isascii() else read_text(where, value)
        if value is None or value is True or value is False:
            return value
        if isinstance(value, int):
            if not -MAX_NUMBER <= value <= MAX_NUMBER:
                raise UsageError(f"{place(where)} is a number of more than 64 bits", hint="send it as text", where=place(where))
            return value
        if isinstance(value, float):
            if not math.isfinite(value):
                raise UsageError(f"{place(where)} is NaN or infinite, which JSON does not have", where=place(where))
            return value
        if not isinstance(value, dict | list | tuple):
            raise UsageError(f"{place(where)} holds something that JSON does not have", where=place(where))
        if depth == 0:
            raise UsageError(f"payload is nested too deeply; at most {MAX_DEPTH} levels are taken", where=place(where))
        if isinstance(value, dict):
            return self.read_object(value, where, depth)
        return [self.read_value(part, f"{where}[{index}]", depth - 1) for index, part in enumerate(value)]
