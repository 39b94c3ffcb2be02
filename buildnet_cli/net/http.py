"""The one outgoing door for HTTP. No redirect is followed, no cookie kept, no proxy or credential taken from the environment."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING

from buildnet_cli import __version__
from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.net.answer import Answer

if TYPE_CHECKING:
    from buildnet_cli.net.lanes import Lanes

USER_AGENT = f"buildnet-notify/{__version__}"


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
        timeout_secs: float = 15.0,
        verify: bool = True,
        ca_file: str = "",
        deny_private: bool = False,
    ) -> Answer:
        """Make one request and read up to 64 KiB of the answer, whatever its status.

        timeout_secs: for everything together.
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
            verify=verify,
            ca_file=ca_file,
            deny_private=deny_private,
        )

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
