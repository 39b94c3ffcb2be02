"""HTTP endpoints: one message, one request; Discord's can also change what they posted."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import urlsplit, urlunsplit

from buildnet_cli.channels.body import text_bytes
from buildnet_cli.channels.change import if_it_works
from buildnet_cli.channels.discord.adapter import USER_AGENT
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
        receipt = await self._call(endpoint, endpoint.webhook.method, endpoint.url(), message, endpoint.body(message.message))
        if not endpoint.can_change:
            return receipt
        if message.thread is not None and message.thread.updated is not None:
            first, updated = endpoint.url(message.thread.ref), endpoint.body(message.thread.updated)
            async with if_it_works(message.target):
                await self._call(endpoint, "PATCH", first, message, updated)
        return replace(receipt, ref=receipt.provider_id)

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _call(self, endpoint: _Endpoint, method: str, url: str, message: OutgoingMessage, body: bytes) -> Receipt:
        webhook = endpoint.webhook
        answer = await self._http.request(
            method,
            url,
            headers=endpoint.headers(message, body),
            content=body,
            timeout_secs=webhook.timeout_secs,
            verify=webhook.verify,
        )
        return refusal.receipt_of(answer, endpoint.form)


class _Endpoint:
    """One configured webhook, with its template compiled."""

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        self.form = webhook.resolved_format
        self._given = {name.lower(): value.get_secret_value() for name, value in webhook.headers.items()}
        self._template = self._compiled()
        self._is_discord = self.form == "discord"

    @property
    def can_change(self) -> bool:
        """Whether a message can be changed once it is posted. A template tells of its event, whose past does not change."""
        return self._is_discord and self._template is None

    def url(self, message_id: str = "") -> str:
        """Where to send, or where a message is that was sent. Discord says what became of one only if asked to wait for it.

        Source: Discord "Webhook": `?wait=true`; `/messages/ID`, with the same `thread_id`.
        """
        url = self.webhook.url.get_secret_value()
        if not self._is_discord:
            return url
        parts = urlsplit(url)
        query = [part for part in parts.query.split("&") if part and not part.startswith("wait=")]
        if message_id:
            path = f"{parts.path.rstrip('/')}/messages/{message_id}"
            return urlunsplit(parts._replace(path=path, query="&".join(query)))
        return urlunsplit(parts._replace(query="&".join([*query, "wait=true"])))

    def body(self, message: Message) -> bytes:
        """What the template makes of the message; the built-in form if there is none, or if it fails on this message."""
        if self._template is not None:
            try:
                return text_bytes(self._template.render(message))
            except ConfigError as exc:
                self._report(exc)
        return payload.built_in(message, self.form)

    def headers(self, message: OutgoingMessage, body: bytes) -> dict[str, str]:
        """The configured headers, then ours: id (the same in every attempt), time, attempt, credential and signature.

        `x-delivery-repeats` says how many like it were not sent: the body of the form `json` is the event and nothing else.
        """
        headers = {
            "content-type": content_type_of(self.webhook),
            **({"user-agent": USER_AGENT} if self._is_discord else {}),
            **self._given,
            "webhook-id": message.delivery_id,
            "webhook-timestamp": sign.timestamp_of(message.sent_at),
            "x-delivery-attempt": str(message.attempt),
        }
        if message.repeats:
            headers["x-delivery-repeats"] = str(message.repeats)
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
