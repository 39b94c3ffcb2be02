"""How long to wait before the next request, so that Discord need not refuse it. Pure.

Source: Discord "Rate Limits": X-RateLimit-Remaining and X-RateLimit-Reset-After (seconds) count for one method and channel.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

LONGEST_WAIT_SECS: Final = 10.0
"""Beyond this, the request is made all the same, and Discord says what is the matter."""


class Pacing:
    """When each route may be used again. The time is any clock that only goes forward, in seconds."""

    def __init__(self) -> None:
        self._free_at: dict[tuple[str, str], float] = {}

    def note(self, method: str, room: str, headers: Mapping[str, str], now: float) -> None:
        """Learn from an answer's headers, by lower-case name."""
        self._free_at.pop((method, room), None)
        reset_after = _number(headers.get("x-ratelimit-reset-after", ""))
        if headers.get("x-ratelimit-remaining") == "0" and reset_after > 0:
            self._free_at[method, room] = now + reset_after

    def wait_secs(self, method: str, room: str, now: float) -> float:
        """How long to wait before a request; 0 if it may be made at once."""
        return min(max(self._free_at.get((method, room), now) - now, 0.0), LONGEST_WAIT_SECS)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
