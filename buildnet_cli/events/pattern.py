"""Globs over event types: `*`, `build.*`, `*.failed`, `cache.*.created`.

`*` alone is everything. A leading or trailing `*` spans one or more whole segments, an inner `*` exactly one.
`*.low`, `*.medium`, `*.high` and `*.critical` also match every event of that priority.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass

from buildnet_cli.events.catalog import CATALOG, CUSTOM_PREFIX
from buildnet_cli.events.priority import Priority

# What a type, and a pattern's segment that is no `*`, is made of.
SEGMENT = r"[a-z0-9](?:[a-z0-9_-]*[a-z0-9])?"
_TYPE = re.compile(rf"{SEGMENT}(?:\.{SEGMENT})*")
_SEGMENT = re.compile(SEGMENT)
_LONGEST = 120


def is_event_type(text: str) -> bool:
    """Whether a text may be the type of an event: lower-case segments of letters, digits, `_` and `-`, joined by dots."""
    return len(text) <= _LONGEST and _TYPE.fullmatch(text) is not None


@dataclass(frozen=True)
class Pattern:
    """A checked glob. Make one with `parse`."""

    text: str
    priority: Priority | None
    """Set for the four forms such as `*.critical`, which match by priority as well."""
    _compiled: re.Pattern[str]

    @classmethod
    @functools.lru_cache(maxsize=4096)
    def parse(cls, text: str) -> Pattern:
        """Read a pattern. Raises ValueError, with a sentence that says what is allowed, if it is none."""
        segments = text.split(".")
        if len(text) > _LONGEST or not all(part == "*" or _SEGMENT.fullmatch(part) for part in segments):
            raise ValueError(
                f"{text[:80]!r} is no event pattern: use whole segments, such as '*', 'build.*', '*.failed' or 'build.failed'"
            )
        last = len(segments) - 1
        regex = r"\.".join(
            re.escape(part) if part != "*" else (r"[^.]+(?:\.[^.]+)*" if index in (0, last) else r"[^.]+")
            for index, part in enumerate(segments)
        )
        suffix = segments[1] if len(segments) == 2 and segments[0] == "*" else ""
        priority = Priority(suffix) if suffix in Priority.__members__.values() else None
        return cls(text, priority, re.compile(regex))

    def matches(self, event_type: str, priority: Priority) -> bool:
        """Whether an event of this type and priority is meant."""
        return self._compiled.fullmatch(event_type) is not None or (self.priority is not None and self.priority is priority)

    @property
    def can_match_known(self) -> bool:
        """Whether any known type is meant, or types that belong to the user; if not, the pattern is probably a slip."""
        return (
            self.priority is not None
            or self.text.startswith(CUSTOM_PREFIX)
            or any(self._compiled.fullmatch(name) for name in CATALOG)
        )
