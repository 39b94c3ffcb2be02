"""Slack channels: one message, one post by the bot; what follows of the same incident answers it and changes it."""

from __future__ import annotations

import logging
from typing import Any, Final

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.change import if_it_works
from buildnet_cli.channels.slack import blocks
from buildnet_cli.channels.slack.answer import FORM_REFUSED, THREAD_GONE, Posted, SlackError, posted
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.model import Message, Tone
from buildnet_cli.net.http import HttpClient

_log = logging.getLogger(__name__)

API: Final = "https://slack.com/api"
"""Where Slack's methods are. Source: Slack "Using the Slack Web API"."""


class SlackChannel:
    """Posts each message to the channel of its recipient's name.

    slack: the configured app. http: shared with the other channels; the caller opens and closes it.
    timeout_secs: how long Slack may take to answer one request.
    """

    kind = "slack"

    def __init__(self, slack: Slack, http: HttpClient, *, timeout_secs: float = 15.0) -> None:
        self._rooms = {room.name: room.address for room in slack.all_recipients()}
        self._token = slack.bot_token
        self._base = slack.base_url or API
        self._http = http
        self._timeout_secs = timeout_secs

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        room = message.address or self._rooms.get(message.target.recipient)
        if room is None:
            raise ChannelError(
                f'no Slack channel is called "{message.target.recipient}" in the configuration any more',
                outcome=Outcome.PERMANENT,
            )
        first = _first(message, room)
        post = {"channel": room, **blocks.body(message.message), "unfurl_links": False, "unfurl_media": False}
        taken, detail = await self._post(post | _answering(first, message.message), message.message)
        if first is not None and message.thread is not None and message.thread.updated is not None:
            async with if_it_works(message.target):
                await self._call("chat.update", _change(first, message.thread.updated))
        if taken is None:
            return Receipt(detail=detail)
        return Receipt(taken.ts, f"{detail} in {taken.channel}", f"{taken.channel}:{taken.ts}")

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _post(self, post: dict[str, Any], message: Message) -> tuple[Posted | None, str]:
        """Post, and once more in another way if it is the way that Slack refused."""
        try:
            return await self._call("chat.postMessage", post), "posted"
        except SlackError as refusal:
            if refusal.error in FORM_REFUSED:
                _log.warning("Slack refused how a message looks: %s; it is sent as short plain text", refusal.error)
                other = {name: value for name, value in post.items() if name not in ("blocks", "attachments")}
                other["text"] = blocks.plain_text(message)
                detail = "posted as plain text"
            elif refusal.error in THREAD_GONE and "thread_ts" in post:
                other = {name: value for name, value in post.items() if name not in ("thread_ts", "reply_broadcast")}
                detail = "posted"
            else:
                raise
        return await self._call("chat.postMessage", other), detail

    async def _call(self, method: str, arguments: dict[str, Any]) -> Posted | None:
        token = self._token.get_secret_value() if self._token is not None else ""
        headers = {"authorization": f"Bearer {token}", "content-type": "application/json; charset=utf-8"}
        answer = await self._http.request(
            "POST",
            f"{self._base}/{method}",
            headers=headers,
            content=json_bytes(arguments),
            timeout_secs=self._timeout_secs,
        )
        return posted(answer)


def _first(message: OutgoingMessage, room: str) -> Posted | None:
    """The incident's first message, if it stands in the room that is posted to."""
    channel, _, ts = message.thread.ref.partition(":") if message.thread is not None else ("", "", "")
    # A name and a person's id stand for a room whose own id only Slack knows.
    is_room_id = room.startswith(("C", "G", "D"))
    return Posted(channel, ts) if ts and (room == channel or not is_room_id) else None


def _answering(first: Posted | None, message: Message) -> dict[str, Any]:
    """Good news is told to the whole room, not only in the thread."""
    return {"thread_ts": first.ts, "reply_broadcast": message.tone is Tone.GOOD} if first is not None else {}


def _change(first: Posted, updated: Message) -> dict[str, Any]:
    """chat.update makes links and mentions of plain text unless it is told not to; chat.postMessage does not."""
    return {"channel": first.channel, "ts": first.ts, **blocks.body(updated), "parse": "none"}
