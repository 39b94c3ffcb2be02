"""Mail by Twilio SendGrid's API.

Source: SendGrid "Mail Send" (v3): text/plain comes first, no reserved headers, 202 with an X-Message-Id and no body.
"""

from __future__ import annotations

import json
from typing import Any

from buildnet_cli.channels.email import sendgrid_refusal
from buildnet_cli.channels.email.composer import Composer
from buildnet_cli.channels.email.mail import Mail, Party
from buildnet_cli.config.channels.email import Email
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.net.http import HttpClient

PATH = "/v3/mail/send"
_API = "https://api.sendgrid.com"


class SendGridChannel:
    """Hands each mail to SendGrid.

    config: the channel's section. http: shared with the other channels; the caller opens and closes it.
    host: the machine we run on. timeout_secs: for one request.
    """

    kind = "email"

    def __init__(self, config: Email, http: HttpClient, host: str, *, timeout_secs: float = 30.0) -> None:
        self._api_key = config.sendgrid.api_key
        self._composer = Composer(config, host)
        self._http = http
        self._timeout_secs = timeout_secs
        self._url = (config.sendgrid.base_url or _API).rstrip("/") + PATH

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        mail = self._composer.mail(message)
        key = self._api_key.get_secret_value() if self._api_key is not None else ""
        answer = await self._http.request(
            "POST",
            self._url,
            headers={"authorization": f"Bearer {key}", "content-type": "application/json"},
            content=json.dumps(body_of(mail, message.delivery_id)).encode(),
            timeout_secs=self._timeout_secs,
        )
        return Receipt(sendgrid_refusal.message_id(answer), f"HTTP {answer.status}", ref=mail.root_id)

    async def close(self) -> None:
        """Nothing of its own is open."""


def body_of(mail: Mail, delivery_id: str) -> dict[str, Any]:
    """The request. Pure. The delivery's id comes back with what SendGrid tells of the mail later."""
    content = [{"type": "text/plain", "value": mail.text}]
    if mail.html:
        content.append({"type": "text/html", "value": mail.html})
    return {
        "personalizations": [{"to": [_party(mail.recipient)]}],
        "from": _party(mail.sender),
        "subject": mail.subject,
        "content": content,
        "headers": {"Message-ID": mail.message_id, **mail.headers},
        "custom_args": {"delivery_id": delivery_id},
        # Links would be led over SendGrid's own host, and a picture would tell who reads.
        "tracking_settings": {"click_tracking": {"enable": False}, "open_tracking": {"enable": False}},
    }


def _party(who: Party) -> dict[str, str]:
    return {"email": who.address, "name": who.name} if who.name else {"email": who.address}
