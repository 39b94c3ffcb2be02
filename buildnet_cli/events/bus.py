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


class Ended(Exception):
    """The bus has been closed; nothing more comes."""


class Subscription:
    """One listener's place in the stream. Used from the bus's event loop only."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._queue: asyncio.Queue[Event | None] = asyncio.Queue()
        self._missed = 0

    def offer(self, event: Event) -> None:
        """Hand over an event, or count it as missed if the listener has not kept up."""
        if self._missed or self._queue.qsize() >= self._size:
            self._missed += 1
            return
        self._queue.put_nowait(event)

    def end(self) -> None:
        """Nothing more will be offered."""
        self._queue.put_nowait(None)

    async def next(self) -> Event:
        """The next event. Raises Lagged once, after the last event before the gap, and Ended after the last of all."""
        if self._missed and self._queue.empty():
            missed, self._missed = self._missed, 0
            raise Lagged(missed)
        event = await self._queue.get()
        if event is None:
            raise Ended
        return event


class EventBus:
    """Every accepted event goes to every subscription. Publishing never waits."""

    def __init__(self, *, size: int = 256) -> None:
        """size: events a listener may fall behind before it loses its place."""
        self._size = size
        self._subscriptions: set[Subscription] = set()

    def publish(self, event: Event) -> None:
        for subscription in self._subscriptions:
            subscription.offer(event)

    def close(self) -> None:
        """Tell every listener that nothing more comes."""
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribe(self) -> Iterator[Subscription]:
        """Listen for as long as the block lasts."""
        subscription = Subscription(self._size)
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
