"""Waiting for what another process does, where nothing tells of it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable


async def until(condition: Callable[[], bool], *, within_secs: float = 10.0) -> None:
    """Look again and again until it is so. Raises TimeoutError if it never is."""
    async with asyncio.timeout(within_secs):
        while not condition():  # noqa: ASYNC110  (nothing signals what a foreign process does)
            await asyncio.sleep(0.005)
