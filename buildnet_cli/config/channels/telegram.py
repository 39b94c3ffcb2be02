"""`notifications.channels.telegram`: a Telegram bot that writes to chats and takes commands."""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from buildnet_cli.config.address import BaseUrl
from buildnet_cli.config.fields import ONE_OF, Items, NumberId, OptionalName, OptionalNumberId, Token, as_number_id
from buildnet_cli.config.permission import Permission
from buildnet_cli.config.recipient import Channel, Listener, Recipient


def _as_chat(value: Any) -> str:
    if isinstance(value, str) and re.fullmatch(r"@[A-Za-z][A-Za-z0-9_]{3,31}", value):
        return value
    return as_number_id(value)


def _check_webhook_secret(secret: SecretStr | None) -> SecretStr | None:
    # Source: Telegram "setWebhook": secret_token is 1-256 characters of A-Z, a-z, 0-9, _ and -.
    if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{1,256}", secret.get_secret_value()):
        raise ValueError("must be 1 to 256 letters, digits, _ and -; Telegram takes nothing else")
    return secret


class TelegramChat(Listener):
    """A group or channel that gets events."""

    id: Annotated[str, BeforeValidator(_as_chat)] = Field(
        description='Chat id in quotes, negative for groups, or "@name" of a public channel. Required.'
    )
    name: OptionalName = Field("", description="What it is called. Default: the id.")
    thread_id: OptionalNumberId = Field("", description="Topic of a forum group that gets them. Default: the general one.")


class TelegramUser(Listener):
    """Somebody who may send commands; without any chats, also a recipient."""

    id: NumberId = Field(description="User id, digits in quotes. Required.")
    name: OptionalName = Field("", description="What the person is called in lists and in the audit. Default: the id.")
    commands: Items[Permission] = Field((), description="What the person may ask for. Default: nothing.")


class Telegram(Channel):
    """A Telegram bot."""

    kind: ClassVar[str] = "telegram"

    bot_token: Token = Field(None, description="Bot token from @BotFather. Required while enabled.")
    mode: Annotated[Literal["poll", "webhook"], ONE_OF] = Field(
        "poll", description="How messages reach us: poll = we ask, webhook = Telegram calls our route. Default: poll."
    )
    webhook_secret: Annotated[Token, AfterValidator(_check_webhook_secret)] = Field(
        None, description="Proves that requests come from Telegram. Default: none, no inbound route."
    )
    chats: Items[TelegramChat] = Field((), description="Groups and channels that get events. Default: none.")
    allowed_users: Items[TelegramUser] = Field(
        (), description="Who may send commands; if no chats are listed, they get the events in private. Default: nobody."
    )
    base_url: BaseUrl = Field("", description="Address of the API. Default: Telegram's own.")

    def missing(self) -> list[str]:
        return [] if self.bot_token else ["bot_token"]

    def all_recipients(self) -> tuple[Recipient, ...]:
        listed: list[TelegramChat | TelegramUser] = [*self.chats] or [*self.allowed_users]
        key = "chats" if self.chats else "allowed_users"
        return tuple(
            Recipient(self.kind, chat.name or chat.id, chat.id, chat.patterns, self.path_of(key, index))
            for index, chat in enumerate(listed)
        )
