"""An in-process broadcast for whoever wants to watch. Nothing durable hangs on it: the slow lose their place, and are told."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from buildnet_cli.events.model import Event


class Lagged(Exception):
    """The listener was too slow and missed events; what it still wants, it reads from the store."""

    def __init__(self, missed: int) -> None:
        super().__init__(f"missed {missed} events")
        self.missed = missed


class Subscription:
    """One listener's place in the stream. Used from the bus's event loop only."""

    def __init__(self, size: int) -> None:
        self._queue: asyncio.Queue[Event] = asyncio.Queue(size)
        self._missed = 0

    def offer(self, event: Event) -> None:
        """Hand over an event, or count it as missed if the listener has not kept up."""
        if self._missed or self._queue.full():
            self._missed += 1
            return
        self._queue.put_nowait(event)

    async def next(self) -> Event:
        """The next event. Raises Lagged once, after the last event before the gap."""
        if self._missed and self._queue.empty():
            missed, self._missed = self._missed, 0
            raise Lagged(missed)
        return await self._queue.get()


class EventBus:
    """Every accepted event goes to every subscription. Publishing never waits."""

    def __init__(self, *, size: int = 256) -> None:
        """size: events a listener may fall behind before it loses its place."""
        self._size = size
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen for as long as the block lasts."""
        subscription = Subscription(self._size)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
