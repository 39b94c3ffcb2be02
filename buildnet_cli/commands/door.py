"""The door for messages from outside, the same for every channel: who wrote it, whether it came before, and what came of it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from buildnet_cli.clock import Clock, to_rfc3339
from buildnet_cli.commands.audit import Request
from buildnet_cli.commands.authenticate import People
from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.commands.model import CommandResult
from buildnet_cli.ids import new_id

_log = logging.getLogger(__name__)

_LONGEST_SHOWN = 200


class Rejections(Protocol):
    """Where it is written down that somebody was turned away."""

    async def reject(self, request: Request, reason: str) -> None:
        """Write down an attempt that was turned away before it was a command."""
        ...


class Door:
    """Lets known people in, once for each message. people: the present ones; they change with the configuration."""

    def __init__(self, executor: Executor, rejections: Rejections, clock: Clock, people: Callable[[], People]) -> None:
        self._executor = executor
        self._rejections = rejections
        self._clock = clock
        self._people = people

    async def take(self, inbound: Inbound) -> CommandResult | None:
        """Do what a message asks for; None, with nothing run and nothing to answer, for a stranger or what was acted on before.

        Raises BuildNetError, with nothing run, if it cannot be written down.
        """
        principal = self._people().principal_of(inbound)
        if principal is None:
            await self.turn_away(inbound.channel, inbound.identifier, "a stranger", text=inbound.text)
            return None
        return await self._executor.execute_message(inbound.text, principal, inbound.message_id, reply_to=inbound.reply_to)

    async def turn_away(
        self, channel: str, identifier: str, reason: str, *, text: str = "", address: str | None = None, agent: str | None = None
    ) -> None:
        """Write down that somebody was not let in: unknown, or with a proof that is none.

        address, agent: whence an HTTP request came, and by what program.
        """
        _log.warning("turned away: %s", reason, extra={"channel": channel, "identifier": identifier, "address": address})
        request = Request(
            new_id("req"),
            to_rfc3339(self._clock.now()),
            text.strip()[:_LONGEST_SHOWN],
            channel,
            identifier,
            is_authenticated=False,
            address=address,
            agent=agent,
        )
        await self._rejections.reject(request, reason)
