"""Watches the daemon: whether it is there, and what others have it build. Its event stream only says when to look."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from buildnet_cli.engine.buildnetd.answers import Row
from buildnet_cli.engine.buildnetd.client import BuildnetdClient
from buildnet_cli.engine.buildnetd.health import Health, Turn
from buildnet_cli.engine.buildnetd.news import Others
from buildnet_cli.errors import UnreachableError

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds between looks.

    health: at `/health`. rows: at `/builds`, if nothing says that it is worth it. row_delay: after an event that says a build
    begins, for its row is written a moment later. listen_again: after the event stream ended.
    """

    health: float = 5.0
    rows: float = 30.0
    row_delay: float = 1.0
    listen_again: float = 1.0


class Watch:
    """The loops around one daemon.

    on_turn: told of every pulse, with what is to be said of it. on_news: told of builds of others.
    """

    def __init__(
        self,
        client: BuildnetdClient,
        pace: Pace,
        *,
        on_turn: Callable[[list[Turn]], Awaitable[None]],
        on_news: Callable[[list[Row]], Awaitable[None]],
    ) -> None:
        self.health = Health()
        self.others = Others()
        self._client = client
        self._pace = pace
        self._on_turn = on_turn
        self._on_news = on_news
        self._look_at_health = asyncio.Event()
        self._look_at_rows = asyncio.Event()
        self._is_up = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        steps = {"health": self._follow_health, "stream": self._follow_stream, "rows": self._follow_rows}
        self._tasks = [asyncio.create_task(self._repeat(step), name=f"buildnetd {name}") for name, step in steps.items()]

    async def stop(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def look(self) -> None:
        """Take the daemon's pulse now."""
        turns = self.health.take(await self._client.pulse())
        if self.health.is_up:
            self._is_up.set()
        else:
            self._is_up.clear()
        await self._on_turn(turns)

    def doubt(self) -> None:
        """Something went wrong with the daemon: look at once."""
        self._look_at_health.set()

    def look_at_rows(self) -> None:
        """Something may have been built."""
        self._look_at_rows.set()

    async def _repeat(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except Exception:  # noqa: BLE001  (the top of a loop: a mistake of ours must not end it for good)
                _log.exception("watching the BuildNet daemon failed")
                await asyncio.sleep(self._pace.listen_again)

    async def _follow_health(self) -> None:
        await _first_of(self._look_at_health, self._pace.health)
        await self.look()

    async def _follow_stream(self) -> None:
        await self._is_up.wait()
        loop = asyncio.get_running_loop()
        try:
            async with self._client.listen() as events:
                self.look_at_rows()  # what was missed while nobody listened
                async for heard in events:
                    self.others.hear(heard)
                    self.look_at_rows()
                    if heard.type == "build_start":
                        loop.call_later(self._pace.row_delay, self.look_at_rows)
        except UnreachableError as exc:
            _log.debug("the daemon's event stream broke: %s", exc.message)
        self.doubt()
        await asyncio.sleep(self._pace.listen_again)

    async def _follow_rows(self) -> None:
        await self._is_up.wait()
        mark = self.others.mark()
        try:
            news = self.others.read(await self._client.rows(), mark)
            if news:
                await self._on_news(news)
        except UnreachableError as exc:
            _log.debug("the daemon's builds cannot be read: %s", exc.message)
            self.doubt()
        await _first_of(self._look_at_rows, self._pace.rows)


async def _first_of(event: asyncio.Event, within_secs: float) -> None:
    """Until the event is set, which it is no more afterwards, or the time is over."""
    try:
        async with asyncio.timeout(within_secs):
            await event.wait()
    except TimeoutError:
        return
    event.clear()
