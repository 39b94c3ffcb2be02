"""Stores what came of attempts, many at once. While it cannot, nothing more is sent: an outcome not stored means a repeat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable

from buildnet_cli.delivery.breaker import Breaker
from buildnet_cli.delivery.model import Attempt, Leased
from buildnet_cli.delivery.outbox import Outbox
from buildnet_cli.errors import StorageError
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)

# A disk that was full is found free again within a few seconds.
_TRY_AGAIN_SECS = 2.0


class Recorder:
    """Takes outcomes without waiting, and stores whatever has gathered while it stored the ones before."""

    def __init__(self, outbox: Outbox, on_stored: Callable[[bool], None]) -> None:
        """on_stored: called after each transaction, with whether something may be sent that could not before."""
        self._outbox = outbox
        self._on_stored = on_stored
        self._attempts: list[Attempt] = []
        self._released: list[str] = []
        self._breakers: dict[Target, Breaker] = {}
        self._has_work = asyncio.Event()
        self._is_able = asyncio.Event()
        self._is_able.set()
        self._is_idle = asyncio.Event()
        self._is_idle.set()

    def add(self, attempt: Attempt) -> None:
        """An attempt is over."""
        self._attempts.append(attempt)
        self._note_work()

    def note(self, target: Target, breaker: Breaker) -> None:
        """A target's state has changed; stored together with the attempt that changed it."""
        self._breakers[target] = breaker
        self._note_work()

    def release(self, untried: Iterable[Leased]) -> None:
        """These are given back without having been tried."""
        self._released += (leased.delivery.id for leased in untried)
        if self._released:
            self._note_work()

    @property
    def is_able(self) -> bool:
        """Whether outcomes can be stored, as far as is known."""
        return self._is_able.is_set()

    async def until_able(self) -> None:
        """Wait while outcomes cannot be stored."""
        await self._is_able.wait()

    async def until_stored(self) -> None:
        """Wait until everything handed in is on disk."""
        await self._is_idle.wait()

    async def run(self) -> None:
        """Store until cancelled."""
        while True:
            await self._has_work.wait()
            if not await self._store():
                await asyncio.sleep(_TRY_AGAIN_SECS)

    def _note_work(self) -> None:
        self._has_work.set()
        self._is_idle.clear()

    async def _store(self) -> bool:
        attempts, released, breakers = self._attempts.copy(), self._released.copy(), self._breakers.copy()
        try:
            has_news = await self._outbox.finish(attempts, released, breakers)
        except Exception as exc:  # noqa: BLE001  (whatever it is, an outcome must not be forgotten, nor this loop end)
            if self.is_able:
                is_our_fault = not isinstance(exc, StorageError)
                _log.error("outcomes cannot be stored; sending waits: %s", exc, exc_info=is_our_fault)
            self._is_able.clear()
            return False
        if not self.is_able:
            _log.info("outcomes can be stored again; sending goes on")
            has_news = True
        self._is_able.set()
        del self._attempts[: len(attempts)], self._released[: len(released)]
        self._breakers = {target: latest for target, latest in self._breakers.items() if breakers.get(target) is not latest}
        if not self._attempts and not self._released and not self._breakers:
            self._has_work.clear()
            self._is_idle.set()
        self._on_stored(has_news)
        return True
