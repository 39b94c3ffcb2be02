"""Topics of a Firebase project: one message, one request."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from pydantic import SecretStr

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.push import answer, form
from buildnet_cli.channels.push.access import Access
from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.config.channels.push import Push
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from buildnet_cli.net.http import HttpClient

API: Final = "https://fcm.googleapis.com"
"""Where messages go. Source: Firebase "Send a message using the FCM HTTP v1 API"."""


class PushChannel:
    """Sends each message to the topic of its recipient's name.

    push: the configured project. http: shared with the other channels; the caller opens and closes it.
    timeout_secs: how long Google may take to answer one request.
    """

    kind = "push"

    def __init__(self, push: Push, http: HttpClient, *, clock: Clock | None = None, timeout_secs: float = 15.0) -> None:
        firebase = push.firebase
        self._topics = {topic.name: topic.address for topic in push.all_recipients()}
        self._url = f"{(firebase.base_url or API).rstrip('/')}/v1/projects/{quote(firebase.project_id, safe='')}/messages:send"
        self._http = http
        self._timeout_secs = timeout_secs
        self._access = Access(firebase.credentials or SecretStr(""), http, clock or SystemClock(), timeout_secs=timeout_secs)

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        topic = message.address or self._topics.get(message.target.recipient)
        if topic is None:
            raise ChannelError(
                f'no topic is called "{message.target.recipient}" in the configuration any more', outcome=Outcome.PERMANENT
            )
        content = json_bytes(form.body(message, topic))
        token = await self._access.token()
        reply = await self._post(content, token)
        if answer.is_token_refused(reply):
            # It may have been taken back before its time; a new one tells whether the account is well.
            reply = await self._post(content, await self._access.token(instead_of=token))
        return answer.sent(reply, topic)

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _post(self, content: bytes, token: str) -> Answer:
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        return await self._http.request("POST", self._url, headers=headers, content=content, timeout_secs=self._timeout_secs)
