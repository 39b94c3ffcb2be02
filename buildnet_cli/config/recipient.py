"""Channels and who is reached through them, as routing sees it: a name, an address within its channel, and patterns."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, ClassVar, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from buildnet_cli.config.address import as_email
from buildnet_cli.config.fields import EventPattern, Items, Switch, as_line, did_you_mean, shown
from buildnet_cli.config.section import Section
from buildnet_cli.events.pattern import Pattern

CHANNELS: Final = ("sms", "email", "webhook", "push", "slack", "discord", "telegram")
"""The canonical names of all channels, in the order in which they are listed."""


def canonical_channel(word: str) -> str:
    """The canonical name of a channel; `webhooks` is `webhook`. Raises ValueError for an unknown one."""
    name = "webhook" if word == "webhooks" else word
    if name not in CHANNELS:
        known = did_you_mean(word, CHANNELS)
        raise ValueError(f"{shown(word)} is no channel{known or ''}; known are {', '.join(CHANNELS)}")
    return name


ChannelName = Annotated[str, BeforeValidator(lambda value: canonical_channel(as_line(value)))]


def _as_destination(value: Any) -> str:
    text = as_line(value)
    channel, colon, who = text.partition(":")
    if not colon or not who.strip():
        raise ValueError(f"{shown(text)} names nobody: write CHANNEL:WHO, such as email:team@example.com")
    channel, who = canonical_channel(channel.strip()), who.strip()
    return f"{channel}:{as_email(who) if channel == 'email' and '@' in who else who}"


Destination = Annotated[str, BeforeValidator(_as_destination)]
"""`CHANNEL:WHO`: an address or a configured name, such as `email:team@example.com` or `slack:#builds`."""
OptionalDestination = Annotated[str, BeforeValidator(lambda value: value if value == "" else _as_destination(value))]


@dataclass(frozen=True, slots=True)
class Recipient:
    """One configured recipient of one channel.

    name: what it is called; unique in its channel, whatever the case.
    address: how its channel finds it: phone, e-mail address, room or chat id, topic; for a webhook its name. Never a secret.
    patterns: which events it hears.
    path: where it is written, as keys and indices from the root of the file.
    takes_rest: it also gets what no other room of its channel matched.
    format: how it wants its messages, where it has a choice: `html`, `slack`; else empty.
    """

    channel: str
    name: str
    address: str
    patterns: tuple[Pattern, ...]
    path: tuple[str | int, ...] = ()
    takes_rest: bool = False
    format: str = ""

    def __str__(self) -> str:
        """`sms:DevOps Lead`."""
        return f"{self.channel}:{self.name}"

    @property
    def slug(self) -> str:
        """The name as it may be typed: lower case, everything but letters and digits turned into single hyphens."""
        return re.sub(r"[\W_]+", "-", self.name.casefold()).strip("-")


class Listener(Section):
    """Somebody who hears of events."""

    events: Items[EventPattern] = Field(
        ("*",), description='Patterns of the events to hear, such as "build.*" or "*.critical". Default: everything.'
    )

    @property
    def patterns(self) -> tuple[Pattern, ...]:
        return tuple(Pattern.parse(text) for text in self.events)


class Channel(Section):
    """One provider kind. A channel that is off may be incomplete."""

    kind: ClassVar[str]
    """Its canonical name."""

    enabled: Switch = Field(
        True, description="Whether anything is sent through this channel. Default: true once the section is there."
    )

    @classmethod
    def path_of(cls, *below: str | int) -> tuple[str | int, ...]:
        """Where something of this channel is written."""
        return ("notifications", "channels", cls.kind, *below)

    def missing(self) -> list[str]:
        """The keys without which this channel cannot send."""
        raise NotImplementedError

    def all_recipients(self) -> tuple[Recipient, ...]:
        """Everybody reached through this channel, in the order of the file."""
        raise NotImplementedError

    @model_validator(mode="after")
    def _can_send(self) -> Self:
        if self.enabled and (missing := self.missing()):
            raise ValueError(f"needs {' and '.join(missing)} to send; add it, or set enabled: false")
        refuse_same_names(self.all_recipients())
        return self


def refuse_same_names(recipients: tuple[Recipient, ...]) -> None:
    """Raises ValueError if two recipients of one channel could not be told apart."""
    seen: set[str] = set()
    for each in recipients:
        if each.name.casefold() in seen:
            raise ValueError(f"two recipients of {each.channel} are called {shown(each.name)}; give each a name of its own")
        seen.add(each.name.casefold())
