"""Lets go of what was held, as soon as it falls due: it is decided again, and sent or folded into one message per target."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.intake import Intake
from buildnet_cli.delivery.router import Router
from buildnet_cli.errors import StorageError

_log = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(days=8)
"""How long the last messages are remembered: longer than any dedup window."""

# The wall clock may be set while we wait for a time, and a laptop may sleep: look again at least this often.
_LONGEST_WAIT_SECS = 60.0
_AFTER_FAULT_SECS = 2.0
_FORGET_EVERY = timedelta(hours=1)


class Releaser:
    """A loop beside the dispatcher. One per intake."""

    def __init__(self, intake: Intake, router: Router, clock: Clock, on_released: Callable[[], None]) -> None:
        """on_released: called when there may be something to send."""
        self._intake = intake
        self._router = router
        self._clock = clock
        self._on_released = on_released
        self._has_news = asyncio.Event()
        self._forgot_at: datetime | None = None

    def wake(self) -> None:
        """Something may have been held, or may have fallen due earlier: look now."""
        self._has_news.set()

    async def run(self) -> None:
        """Release until cancelled."""
        while True:
            self._has_news.clear()
            try:
                wait_secs = await self._release()
            except StorageError as exc:
                _log.error("what is held cannot be released; it waits: %s", exc.message)
                wait_secs = _AFTER_FAULT_SECS
            except Exception:  # noqa: BLE001  (the loop goes on; the log has the cause)
                _log.exception("releasing failed; what is held waits")
                wait_secs = _AFTER_FAULT_SECS
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_secs):
                    await self._has_news.wait()

    async def _release(self) -> float:
        """Release what is due; how long to wait for what is not."""
        now = self._clock.now()
        due = await self._intake.next_release()
        if due is not None and due <= now:
            if await self._intake.release(self._router):
                self._on_released()
            due = await self._intake.next_release()
        if self._forgot_at is None or not timedelta() <= now - self._forgot_at < _FORGET_EVERY:
            await self._intake.forget(now - REMEMBERED)
            self._forgot_at = now
        return _LONGEST_WAIT_SECS if due is None else min(max((due - now).total_seconds(), 0.0), _LONGEST_WAIT_SECS)
