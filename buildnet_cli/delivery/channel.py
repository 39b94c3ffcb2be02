"""What delivery asks of a channel."""

from __future__ import annotations

from typing import Protocol

from buildnet_cli.delivery.model import OutgoingMessage, Receipt


class Channel(Protocol):
    """A provider kind, open for sending."""

    @property
    def kind(self) -> str:
        """The channel's name in targets and in the configuration: `webhook`, `sms` …"""
        ...

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Make one attempt. Raises ChannelError, with the outcome, if the provider does not take the message."""
        ...

    async def close(self) -> None:
        """Let go of what was opened. No send may follow."""
        ...
