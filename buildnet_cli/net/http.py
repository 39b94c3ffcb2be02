"""The one outgoing door for HTTP. No redirect is followed, no cookie kept, no proxy or credential taken from the environment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from buildnet_cli import __version__
from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.net.answer import Answer

if TYPE_CHECKING:
    from buildnet_cli.net.lanes import Lanes

USER_AGENT = f"buildnet-notify/{__version__}"

MAX_ANSWER = 64 << 10
"""Bytes of an answer that are read, unless the caller needs more."""


class HttpClient:
    """Sends requests; every failure becomes a ChannelError that names the host and nothing else of the URL.

    Used from one event loop. Loads its transport and opens connections when they are needed; `close` ends them all.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self._lanes: Lanes | None = None
        self._loading = asyncio.Lock()

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        content: bytes = b"",
        timeout_secs: float | None = 15.0,
        max_answer: int = MAX_ANSWER,
        verify: bool = True,
        ca_file: str = "",
        deny_private: bool = False,
    ) -> Answer:
        """Make one request and read the beginning of the answer, whatever its status.

        timeout_secs: for everything together; None to wait, once connected, for as long as the other side lives.
        max_answer: bytes that are read; the rest is left.
        verify: check the certificate. ca_file: trust these authorities instead of the public ones.
        deny_private: refuse hosts whose address is not public; for URLs that did not come from the local configuration.
        Raises ChannelError: RETRY if nothing was sent, UNKNOWN if the answer was lost, PERMANENT if no such request can be made.
        """
        lanes = self._lanes or await self._load()
        return await lanes.request(
            method,
            url,
            headers=headers or {},
            content=content,
            timeout_secs=timeout_secs,
            max_answer=max_answer,
            verify=verify,
            ca_file=ca_file,
            deny_private=deny_private,
        )

    @asynccontextmanager
    async def lines(
        self, url: str, *, headers: Mapping[str, str] | None = None, silence_secs: float
    ) -> AsyncIterator[AsyncIterator[str]]:
        """The lines of an answer that never ends, without their line ends, as they come.

        silence_secs: how long nothing at all may come. A line is at most 64 KiB long.
        Raises ChannelError on entering if the answer is no 2xx; while reading, if the connection breaks or falls silent. The
        iterator ends where the answer does.
        """
        lanes = self._lanes or await self._load()
        async with lanes.lines(url, headers=headers or {}, silence_secs=silence_secs) as found:
            yield found

    async def close(self) -> None:
        """End every connection. No request may follow."""
        if self._lanes is not None:
            await self._lanes.close()

    async def _load(self) -> Lanes:
        async with self._loading:
            if self._lanes is None:
                # In a thread, so that the loop goes on meanwhile.
                kind = await asyncio.to_thread(_import_lanes)
                self._lanes = kind(self._clock)
        return self._lanes


def _import_lanes() -> type[Lanes]:
    # httpx would load its own command line, and with it rich and pygments, if it could.
    sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # None is how Python is told that a module is not there
    from buildnet_cli.net.lanes import Lanes

    return Lanes
