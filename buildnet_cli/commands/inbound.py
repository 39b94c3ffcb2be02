"""Messages from outside: what a channel makes of one once it has proved that it comes from its provider."""

from __future__ import annotations

from dataclasses import dataclass

from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import DeniedError


class ForgedError(DeniedError):
    """The proof of origin is missing, wrong or too old. Whoever sent it learns nothing beyond that."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A text that somebody wrote to us, proved to come from its provider. Whether they may ask us anything is not yet known.

    channel: sms, email, slack, discord or telegram.
    identifier: the provider's stable id of who wrote, by which they are known: a phone number, an address, `TEAM/USER`, an id.
    name: as the provider calls them; shown, never trusted.
    text: what they wrote, undecoded beyond what the provider does; not yet a command.
    message_id: the provider's, so that nothing is acted on twice.
    reply_to: where an answer goes.
    """

    channel: str
    identifier: str
    text: str
    message_id: str
    reply_to: Address
    name: str = ""
