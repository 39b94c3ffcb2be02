"""What waits for one target within the dispatcher."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from buildnet_cli.delivery.model import Leased
from buildnet_cli.routing.decision import Target


@dataclass(slots=True)
class Lane:
    """What one target is to get next, in order.

    pace: how many it may hold: about what it takes in a second, so that something urgent never waits long behind them.
    sending: id of the delivery that is under way; empty for none.
    """

    target: Target
    waiting: deque[Leased] = field(default_factory=deque)
    pace: int = 1
    task: asyncio.Task[None] | None = None
    sending: str = ""

    @property
    def room(self) -> int:
        """How many more it may hold."""
        return max(0, self.pace - len(self.waiting) - (self.task is not None))
