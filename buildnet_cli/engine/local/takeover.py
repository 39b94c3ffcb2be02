"""What a new agent does about the builds that a killed one left running."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from buildnet_cli.engine.model import Build
from buildnet_cli.engine.queueing import announce
from buildnet_cli.events.model import EventDraft
from buildnet_cli.process.identity import end_leftovers


async def end_crashed(crashed: Sequence[Build]) -> list[EventDraft]:
    """End what is left of their processes; the event that says so.

    Their supervisors have done that already, unless those were killed as well.
    """
    ended = 0
    for build in crashed:
        ended += await asyncio.to_thread(end_leftovers, build.processes)
    return [announce.recovered(crashed, ended)]
