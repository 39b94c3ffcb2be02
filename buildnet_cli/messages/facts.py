"""Reads what a payload really holds. Producers may put anything there; what is absent or of another kind is not said."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from buildnet_cli.duration import format_duration
from buildnet_cli.messages.model import Field

_LONGEST_VALUE = 500
_MOST_NAMES = 8

# Colours and cursor movements of a terminal (CSI and OSC), which compilers leave in their output. Source: ECMA-48, section 5.4.
_TERMINAL_CODE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")


@dataclass(frozen=True, slots=True)
class Facts:
    """A JSON object, read leniently."""

    payload: Mapping[str, Any]

    def text(self, name: str) -> str:
        """A text, or a number as text, in one line; empty if there is none."""
        value = self.payload.get(name)
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return ""
        return one_line(format_number(value) if isinstance(value, int | float) else value)

    def number(self, name: str) -> float | None:
        """A finite number; None if there is none."""
        value = self.payload.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if math.isfinite(number) else None

    def count(self, name: str) -> int | None:
        """A whole number, not below 0; None if there is none."""
        number = self.number(name)
        return int(number) if number is not None and number >= 0 and number == int(number) else None

    def duration(self, name: str, *, unit: timedelta) -> str:
        """A number of units as `8.2s` or `42m`; empty if there is none."""
        number = self.number(name)
        if number is None or number < 0:
            return ""
        try:
            return format_duration(number * unit)
        except OverflowError:
            return ""

    def is_set(self, name: str) -> bool:
        """Whether the payload says true."""
        return self.payload.get(name) is True

    def part(self, name: str) -> Facts:
        """An object within; empty facts if there is none."""
        value = self.payload.get(name)
        return Facts(value) if isinstance(value, Mapping) else Facts({})

    def names(self, name: str) -> str:
        """A list of texts as `api, web and 3 more`; empty if there is none."""
        value = self.payload.get(name)
        names = [one_line(part) for part in value if isinstance(part, str) and part.strip()] if isinstance(value, list) else []
        shown = ", ".join(names[:_MOST_NAMES])
        return f"{shown} and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else shown

    def lines(self, name: str, *, last: int) -> str:
        """The last lines of a longer text; empty if there is none."""
        value = self.payload.get(name)
        return last_lines(value, last) if isinstance(value, str) else ""


def fields_of(*pairs: tuple[str, str]) -> tuple[Field, ...]:
    """Fields for the facts that are there, in order."""
    return tuple(Field(label, value, is_short=len(value) <= 40) for label, value in pairs if value)


def format_number(value: float) -> str:
    """A number as a person writes it: `97`, `92.5`, `1,204`."""
    if isinstance(value, float) and not math.isfinite(value):
        return ""
    if value == int(value):
        return f"{int(value):,}" if abs(value) < 10**15 else "very large"
    return f"{value:,.1f}"


def last_lines(text: str, count: int) -> str:
    """The end of a longer text, without a terminal's colours."""
    return "\n".join(_TERMINAL_CODE.sub("", text).strip("\n").rstrip().splitlines()[-count:])


def one_line(text: str) -> str:
    """The text with every run of white space as one space, cut if it is very long."""
    line = " ".join(_TERMINAL_CODE.sub("", text[: _LONGEST_VALUE * 2]).split())
    return line if len(line) <= _LONGEST_VALUE else line[: _LONGEST_VALUE - 1] + "…"
