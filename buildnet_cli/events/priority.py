"""How much an event matters to whoever hears of it."""

from __future__ import annotations

import enum


class Priority(enum.StrEnum):
    """Four steps, in rising order; they compare by rank, not by name."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """0 for low to 3 for critical."""
        return _RANKS[self]

    def is_at_least(self, other: Priority) -> bool:
        return self.rank >= other.rank


_RANKS = {priority: rank for rank, priority in enumerate(Priority)}
