"""Writes the mail for a configured recipient, whichever provider carries it. Pure."""

from __future__ import annotations

from buildnet_cli.channels.email.mail import Mail, mail_of, party
from buildnet_cli.config.channels.email import Email
from buildnet_cli.config.recipient import Recipient
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.errors import ChannelError, Outcome


class Composer:
    """config: the channel's section. host: the machine we run on, for events that name none."""

    def __init__(self, config: Email, host: str) -> None:
        self._sender = party(config.sender)
        self._recipients = {recipient.name: recipient for recipient in config.all_recipients()}
        self._host = host

    def mail(self, message: OutgoingMessage) -> Mail:
        """The mail. Raises ChannelError if its recipient is not in the configuration."""
        to = message.address
        recipient = Recipient("email", to, to, ()) if to else self._recipients.get(message.target.recipient)
        if recipient is None:
            raise ChannelError(
                f'no recipient of mail is called "{message.target.recipient}" in the configuration any more',
                outcome=Outcome.PERMANENT,
            )
        return mail_of(message, self._sender, recipient, self._host)
