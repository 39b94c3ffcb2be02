"""Text messages through Twilio's REST client: one message, one request."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from buildnet_cli.channels.sms import text
from buildnet_cli.channels.sms.door import Door
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages import gsm7
from buildnet_cli.net.http import HttpClient

_NEWEST = 20
# Twilio dates messages to the second, by its own clock.
_CLOCKS_DIFFER = timedelta(minutes=1)


class SmsChannel:
    """Texts each message to the phone of its recipient.

    http: shared with the other channels; the caller opens and closes it. timeout_secs: for one request in all.
    """

    kind = "sms"

    def __init__(self, sms: Sms, http: HttpClient, *, timeout_secs: float = 15.0) -> None:
        self._sms = sms
        self._door = Door(http, sms.base_url, timeout_secs)
        self._phones = {recipient.name: recipient.address for recipient in sms.all_recipients()}
        self._sender: dict[str, str] = {}
        if sms.messaging_service_sid:
            self._sender["messaging_service_sid"] = sms.messaging_service_sid
        if sms.from_number is not None:
            self._sender["from_"] = sms.from_number
        self._messages: Any = None

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal.

        Twilio knows no key against repeats, so a second attempt looks first whether an earlier one arrived.
        """
        phone = message.address or self._phones.get(message.target.recipient)
        if phone is None:
            raise ChannelError(
                f'nobody who gets text messages is called "{message.target.recipient}" in the configuration any more',
                outcome=Outcome.PERMANENT,
            )
        body = text.body(message.message, self._sms.max_segments)
        if self._messages is None:
            # The library takes its time to load, so it comes with the first message, and in a thread.
            self._messages = await asyncio.to_thread(self._opened)
        taken = await self._earlier(message, phone, body) if message.attempt > 1 else None
        if taken is None:
            callback = {"status_callback": self._sms.status_callback} if self._sms.status_callback else {}
            taken = await self._messages.create_async(to=phone, body=body, **self._sender, **callback)
        count = gsm7.segments(body)
        return Receipt(taken.sid, f"{taken.status}, {count} segment{'s' if count > 1 else ''}")

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _earlier(self, message: OutgoingMessage, phone: str, body: str) -> Any:
        """What became of an earlier attempt; None if it never arrived."""
        # Not narrowed by the date of sending: what still waits at Twilio has none.
        newest = await self._messages.list_async(to=phone, limit=_NEWEST)
        since = message.message.event.timestamp - _CLOCKS_DIFFER
        recent = (each for each in newest if each.date_created is not None and each.date_created >= since)
        # A trial account puts a few words before each body.
        return next((each for each in recent if (each.body or "").endswith(body)), None)

    def _opened(self) -> Any:
        from twilio.rest import Client

        token = self._sms.auth_token.get_secret_value() if self._sms.auth_token is not None else ""
        return Client(self._sms.account_sid, token, http_client=self._door).messages
