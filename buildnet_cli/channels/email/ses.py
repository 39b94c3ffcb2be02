"""Mail by Amazon SES, version 2 of its API: the whole mail as MIME, so that its headers stay ours.

Source: AWS "SendEmail" (SES v2 API): Content.Raw.Data is Base64, 40 MB, 50 recipients; "Amazon SES header fields": SES puts a
Message-ID of its own in place of ours, `<ID@email.amazonses.com>` from us-east-1 and `<ID@REGION.amazonses.com>` from elsewhere.
"""

from __future__ import annotations

import base64
import json

from buildnet_cli.channels.email import ses_refusal
from buildnet_cli.channels.email.composer import Composer
from buildnet_cli.channels.email.mail import Mail, as_bytes
from buildnet_cli.channels.email.sigv4 import signed_headers
from buildnet_cli.config.channels.email import Email
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.net.http import HttpClient

PATH = "/v2/email/outbound-emails"


class SesChannel:
    """Hands each mail to SES.

    config: the channel's section. http: shared with the other channels; the caller opens and closes it.
    host: the machine we run on. timeout_secs: for one request.
    """

    kind = "email"

    def __init__(self, config: Email, http: HttpClient, host: str, *, timeout_secs: float = 30.0) -> None:
        self._ses = config.ses
        self._composer = Composer(config, host)
        self._http = http
        self._timeout_secs = timeout_secs
        self._url = (config.ses.base_url or f"https://email.{config.ses.region}.amazonaws.com").rstrip("/") + PATH

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        mail, body = self._written(message)
        secret, token = self._ses.secret_access_key, self._ses.session_token
        headers = signed_headers(
            "POST",
            self._url,
            body,
            {"content-type": "application/json"},
            access_key_id=self._ses.access_key_id,
            secret_access_key=secret.get_secret_value() if secret is not None else "",
            session_token=token.get_secret_value() if token is not None else "",
            region=self._ses.region,
            service="ses",
            now=message.sent_at,
        )
        answer = await self._http.request("POST", self._url, headers=headers, content=body, timeout_secs=self._timeout_secs)
        given = ses_refusal.message_id(answer)
        own_id = f"<{given}@{'email' if self._ses.region == 'us-east-1' else self._ses.region}.amazonses.com>" if given else ""
        is_first = mail.root_id == mail.message_id
        return Receipt(provider_id=given, detail=f"HTTP {answer.status}", ref=own_id if is_first else mail.root_id)

    async def close(self) -> None:
        """Nothing of its own is open."""

    def _written(self, message: OutgoingMessage) -> tuple[Mail, bytes]:
        mail = self._composer.mail(message)
        body = {
            "FromEmailAddress": mail.sender.address,
            "Destination": {"ToAddresses": [mail.recipient.address]},
            "Content": {"Raw": {"Data": base64.b64encode(as_bytes(mail)).decode()}},
        }
        return mail, json.dumps(body).encode()
