"""Durations as people write and read them: `90s`, `30m`, `2h`, `7d`."""

from __future__ import annotations

import re
from datetime import timedelta

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_PART = r"([0-9]{1,9}(?:\.[0-9]{1,3})?)([smhdw])"
_WHOLE = re.compile(rf"{_PART}(?: ?{_PART})*")


def parse_duration(text: str) -> timedelta:
    """Read `90s`, `1.5h`, `7d`, `2w`, a sum such as `1h30m`, or what `format_duration` wrote.

    Raises ValueError for anything else, and for nothing at all.
    """
    if not _WHOLE.fullmatch(text):
        raise ValueError(f"{text[:80]!r} is no duration; write it as 90s, 30m, 2h or 7d")
    try:
        return sum((timedelta(seconds=float(number) * _UNITS[unit]) for number, unit in re.findall(_PART, text)), timedelta())
    except OverflowError as exc:
        raise ValueError(f"{text[:80]!r} is too long a duration") from exc


def format_duration(duration: timedelta) -> str:
    """The two largest units that matter: `28ms`, `0.4s`, `8.2s`, `1m 12s`, `3d 4h`."""
    seconds = max(duration.total_seconds(), 0.0)
    if 0 < seconds < 0.0995:
        return f"{max(round(seconds * 1000), 1)}ms"
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    whole = round(seconds)
    for large, small in (("d", "h"), ("h", "m"), ("m", "s")):
        count, rest = divmod(whole, _UNITS[large])
        if count:
            minor = rest // _UNITS[small]
            return f"{count}{large} {minor}{small}" if minor else f"{count}{large}"
    raise AssertionError("a minute or more has a largest unit")


def format_age(age: timedelta) -> str:
    """How long ago something was, in the largest unit alone: `20s ago`, `3m ago`, `5h ago`."""
    seconds = max(int(age.total_seconds()), 0)
    unit = next((unit for unit in "dhm" if seconds >= _UNITS[unit]), "s")
    return f"{seconds // _UNITS[unit]}{unit} ago"
