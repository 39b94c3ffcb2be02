"""A local engine at work, with real processes and rows in memory."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from buildnet_cli.clock import SystemClock
from buildnet_cli.engine.local.engine import LocalEngine
from buildnet_cli.engine.project import Project
from buildnet_cli.process.spawn import child_environment
from tests.support.builds import MemoryRecorder
from tests.support.caches import Kept


@asynccontextmanager
async def local_engine(
    project: Project, rows: MemoryRecorder, folder: Path, *, grace_secs: float = 0.2
) -> AsyncIterator[LocalEngine]:
    """An engine that has started; it is shut down when the block ends. folder: for its cache and its logs."""
    engine = LocalEngine(
        project,
        rows,
        cache=Kept(folder / "cache").cache,
        clock=SystemClock(),
        logs=folder / "builds",
        environment=child_environment(os.environ),
        grace_secs=grace_secs,
    )
    await engine.start()
    try:
        yield engine
    finally:
        await engine.shutdown()
