"""Mail by SMTP: one recipient and one mail each, over a connection that is kept for the next one."""

from __future__ import annotations

from buildnet_cli.channels.email.composer import Composer
from buildnet_cli.channels.email.mail import as_bytes
from buildnet_cli.channels.email.smtp_session import SmtpSession
from buildnet_cli.config.channels.email import Email
from buildnet_cli.delivery.model import OutgoingMessage, Receipt


class SmtpChannel:
    """Hands each mail to the configured server.

    config: the channel's section. host: the machine we run on.
    """

    kind = "email"

    def __init__(self, config: Email, host: str) -> None:
        self._composer = Composer(config, host)
        self._session = SmtpSession(config.smtp, host)

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        mail = self._composer.mail(message)
        said = await self._session.send(mail.sender.address, mail.recipient.address, as_bytes(mail))
        return Receipt(provider_id=mail.message_id, detail=said, ref=mail.root_id)

    async def close(self) -> None:
        await self._session.close()
