"""`notifications.channels.discord`: a Discord bot that posts to channels and takes slash commands.

A Discord channel is a *room* here: "channel" means a provider kind.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from buildnet_cli.config.address import BaseUrl
from buildnet_cli.config.fields import ONE_OF, Items, Line, NumberId, OptionalName, OptionalNumberId, Token
from buildnet_cli.config.permission import Permission
from buildnet_cli.config.recipient import Channel, Listener, Recipient
from buildnet_cli.config.section import Section

# All zeros, as a placeholder has them, is one: libraries take made-up signatures for these as good.
# Source: RFC 7748, 7, and libsodium's list: the points of small order, as they may be written.
_WEAK_KEYS = frozenset(
    {
        "00" * 32,
        "01" + "00" * 31,
        "ec" + "ff" * 30 + "7f",
        "ed" + "ff" * 30 + "7f",
        "ee" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    }
)


def _check_public_key(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("the public key must be 64 hexadecimal digits; copy it from the application's page")
    if _without_sign(text) in _WEAK_KEYS:
        raise ValueError("is a key that anybody can sign for; copy the application's own from its page")
    return text


def _without_sign(key: str) -> str:
    """The point's coordinate alone: the topmost bit of the last byte says which of two points it is."""
    return f"{key[:-2]}{int(key[-2:], 16) & 0x7F:02x}".lower() if key else ""


class DiscordRoom(Listener):
    """A Discord channel that gets events."""

    id: NumberId = Field(description="Channel id, digits in quotes. Required.")
    name: OptionalName = Field("", description="What it is called. Default: the id.")


class DiscordUser(Section):
    """Somebody who may send commands from Discord."""

    id: NumberId = Field(description="User id, digits in quotes. Required.")
    name: OptionalName = Field("", description="What the person is called in the audit. Default: the id.")
    commands: Items[Permission] = Field((), description="What the person may ask for. Default: nothing.")


class Discord(Channel):
    """A Discord bot."""

    kind: ClassVar[str] = "discord"

    bot_token: Token = Field(None, description="Bot token that posts. Required while enabled.")
    guild_id: OptionalNumberId = Field("", description="Server whose requests are taken. Default: any that is signed.")
    application_id: OptionalNumberId = Field("", description="Application id, needed to register slash commands. Default: none.")
    public_key: Annotated[Line, AfterValidator(_check_public_key)] = Field(
        "",
        description="Proves that interactions come from Discord: 64 hexadecimal digits. Default: none, no inbound route.",
    )
    mode: Annotated[Literal["http", "gateway"], ONE_OF] = Field(
        "http",
        description="How Discord reaches us: http = it calls our route, gateway = we hold a connection open. Default: http.",
    )
    channels: Items[DiscordRoom] = Field((), description="Discord channels and the events each gets. Default: none.")
    allowed_users: Items[DiscordUser] = Field((), description="Who may send commands. Default: nobody.")
    base_url: BaseUrl = Field("", description="Address of the API, with its version. Default: https://discord.com/api/v10.")

    def missing(self) -> list[str]:
        return [] if self.bot_token else ["bot_token"]

    def all_recipients(self) -> tuple[Recipient, ...]:
        return tuple(
            Recipient(self.kind, room.name or room.id, room.id, room.patterns, self.path_of("channels", index))
            for index, room in enumerate(self.channels)
        )
