"""Providers wait for seconds only: what takes longer goes on, and its end is told in another way."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from buildnet_cli.commands.door import Door
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.commands.model import CommandResult
from buildnet_cli.errors import BuildNetError

_log = logging.getLogger(__name__)

PATIENCE_SECS: Final = 2.0
"""How long an answer is waited for; Slack and Discord give up after 3 s."""

_running: set[asyncio.Task[None]] = set()


class Late:
    """The answer has not come in time."""


async def take(
    door: Door, inbound: Inbound, tell_later: Callable[[CommandResult], Awaitable[None]]
) -> CommandResult | type[Late] | None:
    """What became of a message if that is known soon; else Late, and tell_later is called with it once it is known.

    None for what is answered with silence. Raises BuildNetError, with nothing run, if it cannot be written down.
    """
    taking = asyncio.create_task(door.take(inbound))
    done, _ = await asyncio.wait([taking], timeout=PATIENCE_SECS)
    if done:
        return taking.result()
    in_background(_tell(taking, tell_later))
    return Late


def in_background(work: Awaitable[None]) -> None:
    """Let something go on after the request has ended."""
    task = asyncio.ensure_future(work)
    _running.add(task)
    task.add_done_callback(_running.discard)


async def unless_refused(telling: Awaitable[None]) -> None:
    """Tell; what the provider refuses is written into the log, and the command has run all the same."""
    try:
        await telling
    except BuildNetError as exc:
        _log.warning("an answer could not be given: %s", exc.message)


async def _tell(taking: Awaitable[CommandResult | None], tell: Callable[[CommandResult], Awaitable[None]]) -> None:
    try:
        result = await taking
        if result is not None:
            await tell(result)
    except BuildNetError as exc:
        _log.warning("an answer could not be given later: %s", exc.message)
