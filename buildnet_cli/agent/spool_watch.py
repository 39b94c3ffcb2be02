"""What was handed over while no agent answered, taken in by the one that runs."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path
from typing import Final

from buildnet_cli.agent.wiring import Parts
from buildnet_cli.clock import Clock
from buildnet_cli.delivery import spool
from buildnet_cli.engine import runs
from buildnet_cli.errors import StorageError
from buildnet_cli.store.builds import put

_log = logging.getLogger(__name__)

SPOOL_EVERY_SECS: Final = 5.0
"""How often the spool is looked into while the agent runs."""


async def watch_spool(parts: Parts, folder: Path, clock: Clock) -> None:
    """Take in what was handed over before this agent, or while it hung; and miss who was killed. It never ends."""
    while True:
        try:
            gone = await runs.gone(parts.builds)
            await spool.take_in(folder, parts.ingest, put)
            await runs.close(parts.builds, gone, clock)
        except StorageError as exc:
            _log.warning("the spool has to wait: %s", exc.message)
        await asyncio.sleep(SPOOL_EVERY_SECS)
