"""The agent with one thing about it changed, to measure what that thing is worth: `python variants.py NAME READY_FD`.

null: stores nothing. inline: a transaction per event, on the event loop. thread: a transaction per event, in the writer's thread.
none: nothing is changed.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from buildnet_cli.agent.launch import run_agent
from buildnet_cli.delivery.intake import Incoming
from buildnet_cli.delivery.outbox import Acceptance
from buildnet_cli.paths import find_workspace
from buildnet_cli.routing.pipeline import NO_RECIPIENT
from buildnet_cli.store import writer
from buildnet_cli.store.intake import StoredIntake


def null() -> None:
    async def accept(self: object, incoming: Sequence[Incoming], *rest: object) -> list[Acceptance]:
        return [Acceptance(each.event, (), NO_RECIPIENT, each.key) for each in incoming]

    StoredIntake.accept = accept  # type: ignore[method-assign,assignment]  # it takes less


def inline() -> None:
    async def write_jointly(self: writer.Writer, operation: Callable[..., Any], value: Any) -> Any:
        loop = asyncio.get_running_loop()
        job = writer._Job(operation, value, loop.create_future(), loop)
        self._commit([job])
        if job.error is not None:
            raise job.error
        return job.result

    writer.Writer.write_jointly = write_jointly  # type: ignore[method-assign]  # the purpose of this file


def thread() -> None:
    writer._LARGEST_GROUP = 1


def none() -> None:
    pass


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    sys.exit(run_agent(find_workspace(cwd=Path.cwd()), ready_fd=int(sys.argv[2])))
