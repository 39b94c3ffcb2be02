"""HTTP endpoints: one message, one request."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from urllib.parse import urlsplit, urlunsplit

from buildnet_cli.channels.webhook import credential, payload, refusal, sign
from buildnet_cli.channels.webhook.template import Template, compiled, content_type_of
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, ConfigError, Outcome
from buildnet_cli.messages.model import Message
from buildnet_cli.net.http import HttpClient

_log = logging.getLogger(__name__)


class WebhookChannel:
    """POSTs each message to the endpoint of its recipient's name.

    webhooks: the configured endpoints. http: shared with the other channels; the caller opens and closes it.
    """

    kind = "webhook"

    def __init__(self, webhooks: Sequence[Webhook], http: HttpClient) -> None:
        self._endpoints = {webhook.name: _Endpoint(webhook) for webhook in webhooks}
        self._http = http

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        endpoint = self._endpoints.get(message.target.recipient)
        if endpoint is None:
            raise ChannelError(
                f'no webhook is called "{message.target.recipient}" in the configuration any more', outcome=Outcome.PERMANENT
            )
        webhook, body = endpoint.webhook, endpoint.body(message.message)
        answer = await self._http.request(
            webhook.method,
            endpoint.url,
            headers=endpoint.headers(message, body),
            content=body,
            timeout_secs=webhook.timeout_secs,
            verify=webhook.verify,
        )
        return refusal.receipt_of(answer, webhook.resolved_format)

    async def close(self) -> None:
        """Nothing of its own is open."""


class _Endpoint:
    """One configured webhook, with its template compiled."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self._given = {name.lower(): value.get_secret_value() for name, value in webhook.headers.items()}
        self._template = self._compiled()

    @property
    def url(self) -> str:
        """Where to send. Discord says what became of a message only if asked to wait for it."""
        url = self.webhook.url.get_secret_value()
        if self.webhook.resolved_format != "discord":
            return url
        parts = urlsplit(url)
        query = "&".join(part for part in parts.query.split("&") if part and not part.startswith("wait="))
        return urlunsplit(parts._replace(query=f"{query}&wait=true" if query else "wait=true"))

    def body(self, message: Message) -> bytes:
        """What the template makes of the message; the built-in form if there is none, or if it fails on this message."""
        if self._template is not None:
            try:
                return payload.encode(self._template.render(message))
            except ConfigError as exc:
                self._report(exc)
        return payload.built_in(message, self.webhook.resolved_format)

    def headers(self, message: OutgoingMessage, body: bytes) -> dict[str, str]:
        """The configured headers, then ours: id (the same in every attempt), time, attempt, credential and signature."""
        headers = {
            "content-type": content_type_of(self.webhook),
            **self._given,
            "webhook-id": message.delivery_id,
            "webhook-timestamp": sign.timestamp_of(message.sent_at),
            "x-delivery-attempt": str(message.attempt),
        }
        if self.webhook.auth is not None:
            headers |= credential.header(self.webhook.auth)
        if self.webhook.secret is not None:
            secret = self.webhook.secret.get_secret_value()
            headers |= sign.signature_headers(secret, message.delivery_id, message.sent_at, body)
        return headers

    def _compiled(self) -> Template | None:
        try:
            template = compiled(self.webhook)
        except ConfigError as exc:
            self._report(exc)
            return None
        for warning in template.warnings if template is not None else ():
            _log.warning("%s", warning, extra={"webhook": self.webhook.name})
        return template

    def _report(self, exc: ConfigError) -> None:
        _log.warning(
            "%s; the built-in form is sent instead",
            exc.message,
            extra={"webhook": self.webhook.name, "where": exc.where, "hint": exc.hint},
        )
