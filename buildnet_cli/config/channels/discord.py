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


def _check_public_key(text: str) -> str:
    if text and not re.fullmatch(r"[0-9a-fA-F]{64}", text):
        raise ValueError("the public key must be 64 hexadecimal digits; copy it from the application's page")
    return text


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
