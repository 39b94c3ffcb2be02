"""Tells, on the other channels, that one of them does not deliver; and when it delivers again."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.breaker import STANDS_ALONE, Breaker, Flow
from buildnet_cli.delivery.outbox import Write
from buildnet_cli.events.model import Event, EventDraft
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)

REPEAT_EVERY: Final = timedelta(hours=1)
"""How often we tell of a trouble that lasts, and how often at most of one that comes and goes."""

_LONGEST_WAIT_SECS = 60.0


@dataclass(frozen=True, slots=True)
class Told:
    """When we last told that a target fails. is_open: we have not told of its end yet."""

    at: datetime
    is_open: bool


class AlarmBook(Protocol):
    """What an alarm asks of the store."""

    async def told(self) -> dict[str, Told]:
        """Of which troubles we have told, by their subject."""
        ...

    async def waiting(self, target: Target) -> int:
        """How many deliveries a target has yet to get."""
        ...

    def telling(self, subject: str, news: Told) -> Write:
        """A write that notes it down, to be stored together with the event that tells."""
        ...


Accept = Callable[[EventDraft, Sequence[Write]], Awaitable[Event]]


class Alarm:
    """Watches the breakers. What it has told is stored with the telling, so that a restart neither repeats nor forgets it."""

    def __init__(self, book: AlarmBook, breakers: Callable[[], Mapping[Target, Breaker]], accept: Accept, clock: Clock) -> None:
        """breakers: the present ones. accept: the door for events; the router keeps them from the target they speak of."""
        self._book = book
        self._breakers = breakers
        self._accept = accept
        self._clock = clock
        self._told: dict[str, Told] | None = None
        self._has_news = asyncio.Event()

    def wake(self) -> None:
        """A breaker has changed."""
        self._has_news.set()

    async def run(self) -> None:
        """Tell until cancelled."""
        while True:
            self._has_news.clear()
            try:
                await self.tell()
            except Exception:  # noqa: BLE001  (the loop goes on; what could not be told now is told later)
                _log.exception("a channel's state could not be told")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(_LONGEST_WAIT_SECS):
                    await self._has_news.wait()

    async def tell(self) -> None:
        """Tell what is due. Raises StorageError if it cannot be stored; nothing has been told then."""
        if self._told is None:
            self._told = await self._book.told()
        now = self._clock.now()
        troubles = {subject_of(target): (target, breaker) for target, breaker in self._breakers().items() if is_trouble(breaker)}
        for subject, (target, breaker) in troubles.items():
            before = self._told.get(subject)
            if before is None or not timedelta() <= now - before.at < REPEAT_EVERY:
                await self._accept_news(subject, await self._failing(subject, target, breaker, now), Told(now, is_open=True))
        for subject, before in list(self._told.items()):
            if before.is_open and subject not in troubles:
                draft = EventDraft("channel.recovered", f"{subject} takes messages again", subject=subject)
                await self._accept_news(subject, draft, Told(before.at, is_open=False))

    async def _accept_news(self, subject: str, draft: EventDraft, news: Told) -> None:
        assert self._told is not None, "it was read before anything is told"
        await self._accept(draft, [self._book.telling(subject, news)])
        self._told[subject] = news

    async def _failing(self, subject: str, target: Target, breaker: Breaker, now: datetime) -> EventDraft:
        payload = {
            "channel": target.channel,
            "recipient": target.recipient,
            "state": breaker.flow.value,
            "answer": breaker.answer,
            "waiting": await self._book.waiting(target),
            "for_secs": max(0, round((now - (breaker.since or now)).total_seconds())),
        }
        return EventDraft("channel.failing", f"{subject} {_WHAT[breaker.flow]}", subject=subject, payload=payload)


def is_trouble(breaker: Breaker) -> bool:
    """Whether people should know of it."""
    return breaker.flow is not Flow.WORKING


def subject_of(target: Target) -> str:
    """What such an event is about: `webhook:Team`; the channel alone if all its recipients share one way out."""
    return str(target) if target.channel in STANDS_ALONE else target.channel


_WHAT = {
    Flow.REFUSING: "refuses what it is sent; such messages are given up, with its answer",
    Flow.GONE: "is gone for good, as it says; what it is to get is kept until that is changed",
    Flow.FAILING: "does not take messages; what it is to get is kept",
    Flow.HELD: "refuses our credential; what it is to get is kept until that is changed",
}
