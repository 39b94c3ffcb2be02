"""Discord channels: one message, one post by the bot; what follows of the same incident replies to it and changes it."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from buildnet_cli import __version__
from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.change import if_it_works
from buildnet_cli.channels.discord import embed
from buildnet_cli.channels.discord.answer import NO_HISTORY, DiscordError, message_id
from buildnet_cli.channels.discord.pacing import Pacing
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.http import HttpClient

API: Final = "https://discord.com/api/v10"
"""Where Discord's resources are. Source: Discord "API Reference"."""

USER_AGENT: Final = f"DiscordBot (buildnet-notify, {__version__})"
"""How a program must call itself there. Source: Discord "API Reference", User Agent: others may be blocked."""

_LONGEST_NONCE = 25


class DiscordChannel:
    """Posts each message to the channel of its recipient's name.

    discord: the configured bot. http: shared with the other channels; the caller opens and closes it.
    timeout_secs: how long Discord may take to answer one request.
    """

    kind = "discord"

    def __init__(self, discord: Discord, http: HttpClient, *, timeout_secs: float = 15.0) -> None:
        self._rooms = {room.name: room.address for room in discord.all_recipients()}
        self._token = discord.bot_token
        self._base = discord.base_url or API
        self._http = http
        self._timeout_secs = timeout_secs
        self._pacing = Pacing()

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Deliver once. Raises ChannelError on any refusal."""
        room = message.address or self._rooms.get(message.target.recipient)
        if room is None:
            raise ChannelError(
                f'no Discord channel is called "{message.target.recipient}" in the configuration any more',
                outcome=Outcome.PERMANENT,
            )
        first = _first(message, room)
        # Discord answers a nonce that it knows with the message of the first attempt, and posts nothing.
        post = {**embed.body(message.message), "nonce": _nonce_of(message.delivery_id), "enforce_nonce": True}
        taken = await self._post(room, post, first)
        if first and message.thread is not None and message.thread.updated is not None:
            async with if_it_works(message.target):
                await self._call("PATCH", f"channels/{room}/messages/{first}", embed.body(message.thread.updated), room)
        return Receipt(taken, f"posted in {room}", f"{room}:{taken}" if taken else "")

    async def close(self) -> None:
        """Nothing of its own is open."""

    async def _post(self, room: str, post: dict[str, Any], first: str) -> str:
        path = f"channels/{room}/messages"
        if not first:
            return await self._call("POST", path, post, room)
        try:
            return await self._call("POST", path, {**post, "message_reference": _reference(room, first)}, room)
        except DiscordError as refusal:
            if refusal.code != NO_HISTORY:
                raise
        return await self._call("POST", path, post, room)

    async def _call(self, method: str, path: str, body: dict[str, Any], room: str) -> str:
        clock = asyncio.get_running_loop().time
        await asyncio.sleep(self._pacing.wait_secs(method, room, clock()))
        token = self._token.get_secret_value() if self._token is not None else ""
        answer = await self._http.request(
            method,
            f"{self._base}/{path}",
            headers={"authorization": f"Bot {token}", "user-agent": USER_AGENT, "content-type": "application/json"},
            content=json_bytes(body),
            timeout_secs=self._timeout_secs,
        )
        self._pacing.note(method, room, answer.headers, clock())
        return message_id(answer)


def _first(message: OutgoingMessage, room: str) -> str:
    """The id of the incident's first message, if it stands in the room that is posted to; else nothing."""
    there, _, first = message.thread.ref.partition(":") if message.thread is not None else ("", "", "")
    return first if there == room else ""


def _reference(room: str, first: str) -> dict[str, Any]:
    """A message that somebody has deleted meanwhile stops no reply."""
    return {"message_id": first, "channel_id": room, "fail_if_not_exists": False}


def _nonce_of(delivery_id: str) -> str:
    """The part of the id that differs, in as many characters as Discord takes."""
    return delivery_id.rpartition("_")[2][-_LONGEST_NONCE:]
