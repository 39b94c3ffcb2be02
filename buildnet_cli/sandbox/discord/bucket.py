"""Discord's rate limits as it tells them: so many requests for a route and a room, then none until the bucket is full again.

Source: Discord "Rate Limits". The numbers are not promised there; these are small, so that they can be met.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

LIMIT = 5
PERIOD_SECS = 1.0
_MOST = 1_000


@dataclass(slots=True)
class Buckets:
    """When each bucket is full again, and what is left in it until then. Any clock that only goes forward, in seconds."""

    _open: dict[str, tuple[float, int]] = field(default_factory=dict)

    def take(self, name: str, now: float, epoch: float) -> tuple[bool, dict[str, str]]:
        """Whether a request may be served, and the headers that say how things stand. epoch: the same moment since 1970."""
        until, left = self._open.get(name, (0.0, 0))
        if now >= until:
            until, left = now + PERIOD_SECS, LIMIT
        is_served = left > 0
        if len(self._open) > _MOST:
            self._open.clear()
        self._open[name] = (until, max(left - 1, 0))
        reset_after = math.ceil((until - now) * 1000) / 1000
        headers = {
            "X-RateLimit-Limit": str(LIMIT),
            "X-RateLimit-Remaining": str(max(left - 1, 0)),
            "X-RateLimit-Reset": f"{epoch + reset_after:.3f}",
            "X-RateLimit-Reset-After": f"{reset_after:.3f}",
            "X-RateLimit-Bucket": name.partition(" ")[0],
            "Via": "1.1 google",
        }
        return is_served, headers
