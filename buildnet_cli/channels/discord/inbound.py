"""What comes in from Discord over HTTP: is it Discord's, and who asks for what? Pure.

Source: Discord "Receiving and Responding to Interactions"; "Interactions overview", Validating Security Request Headers: Ed25519
over timestamp and raw body; requests with wrong signatures are sent on purpose, and must get a 401. Discord names no window of
time; ours is Slack's.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from buildnet_cli.channels.button import read_button
from buildnet_cli.channels.discord.reply import refusal
from buildnet_cli.channels.discord.slash import text_of
from buildnet_cli.channels.incoming import Asked, Immediate, json_body, part, shown_name, text
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.commands.registry import Command
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

WINDOW_SECS: Final = 300
"""How far a request's time may be from ours, either way."""

_PING, _COMMAND, _COMPONENT = 1, 2, 3
_PONG = Immediate({"type": 1})

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE = re.compile(r"[0-9a-fA-F]{128}", re.ASCII)
_PUBLIC_KEY = re.compile(r"[0-9a-fA-F]{64}", re.ASCII)
_ID = re.compile(r"[0-9]{1,20}", re.ASCII)
_TOKEN = re.compile(r"[A-Za-z0-9._~=+-]{1,500}", re.ASCII)


class DiscordInbound:
    """Reads the interactions that Discord posts. Each is proved before anything of it is looked at.

    api: where Discord's resources are; answers that come later go there. commands: by name, as they were registered.
    """

    def __init__(self, discord: Discord, api: str, commands: Mapping[str, Command]) -> None:
        self._public_key = discord.public_key
        self._guild_id = discord.guild_id
        self._application_id = discord.application_id
        self._api = api
        self._commands = commands

    def read(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Asked | Immediate:
        """A slash command, a pressed button, or what is answered at once. The answer is due within 3 s.

        headers: by lower-case name. Raises ForgedError unless the request is Discord's and of the configured server and
        application, UsageError if it makes no sense.
        """
        verify(self._public_key, headers, body, now)
        interaction = json_body(body)
        kind = interaction.get("type")
        if kind == _PING:
            return _PONG
        self._check_place(interaction)
        data = part(interaction, "data")
        if kind == _COMMAND:
            return self._asked(interaction, text_of(data, self._commands))
        button = read_button(text(data, "custom_id")) if kind == _COMPONENT else None
        if button is None:
            raise UsageError("the request is no command, and no button of ours")
        found = self._asked(interaction, button.answer, button.request_id)
        if found.inbound.identifier != button.asker:
            return Immediate(refusal("Only whoever asked may answer this."))
        return found

    def _check_place(self, interaction: dict[str, Any]) -> None:
        if self._guild_id and text(interaction, "guild_id") != self._guild_id:
            raise ForgedError("the request is of another Discord server than the configured one")
        if self._application_id and text(interaction, "application_id") != self._application_id:
            raise ForgedError("the request is for another Discord application than the configured one")

    def _asked(self, interaction: dict[str, Any], said: str, request_id: str = "") -> Asked:
        # In a server it comes with the member, in a direct message with the user.
        user = part(part(interaction, "member"), "user") or part(interaction, "user")
        token = text(interaction, "token")
        if not _TOKEN.fullmatch(token):
            raise UsageError("the request has no token to answer it with")
        inbound = Inbound(
            channel="discord",
            identifier=_id(user, "id", "who it is from"),
            text=said,
            message_id=_id(interaction, "id", "which one it is"),
            reply_to=Address("discord", _id(interaction, "channel_id", "which channel it is from")),
            name=shown_name(user, "username"),
        )
        application = _id(interaction, "application_id", "which application it is for")
        return Asked(inbound, f"{self._api}/webhooks/{application}/{token}/messages/@original", request_id)


def verify(public_key: str, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises ForgedError unless the request is signed with the application's key and of this moment.

    public_key: 64 hexadecimal digits. headers: by lower-case name.
    """
    given, timestamp = headers.get("x-signature-ed25519", ""), headers.get("x-signature-timestamp", "")
    if not (_PUBLIC_KEY.fullmatch(public_key) and _SIGNATURE.fullmatch(given) and _TIMESTAMP.fullmatch(timestamp)):
        raise ForgedError("the request is not signed as Discord signs")
    is_signed = _is_signed(bytes.fromhex(public_key), bytes.fromhex(given), timestamp.encode("ascii") + body)
    if not is_signed or abs(now.timestamp() - int(timestamp)) > WINDOW_SECS:
        raise ForgedError("the request's signature is not Discord's, or is too old")


def _is_signed(public_key: bytes, signature: bytes, signed: bytes) -> bool:
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, signed)
    except (InvalidSignature, ValueError):
        return False
    return True


def _id(value: dict[str, Any], name: str, what: str) -> str:
    found = text(value, name)
    if not _ID.fullmatch(found):
        raise UsageError(f"the request does not say {what}")
    return found
