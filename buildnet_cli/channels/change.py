"""Changing the first message of an incident, so that it says how things stand: done if it works."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from buildnet_cli.errors import ChannelError
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)

# An agent that is to stop must not wait long for what is but nice to have.
_LONGEST_SECS = 5.0


@asynccontextmanager
async def if_it_works(target: Target) -> AsyncIterator[None]:
    """Whatever fails within is logged and no more, and so is what takes longer than 5 s.

    By then, a message with the same news was delivered: raising would have it sent again.
    """
    try:
        async with asyncio.timeout(_LONGEST_SECS):
            yield
    except (ChannelError, TimeoutError) as exc:
        why = exc.message if isinstance(exc, ChannelError) else f"no answer within {_LONGEST_SECS:g} s"
        _log.warning("the first message of an incident stays as it was: %s", why, extra={"target": str(target)})
