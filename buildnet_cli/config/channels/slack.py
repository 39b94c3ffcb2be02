"""`notifications.channels.slack`: a Slack app that posts to channels and takes slash commands.

A Slack channel is a *room* here: "channel" means a provider kind.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from buildnet_cli.config.address import BaseUrl
from buildnet_cli.config.fields import ONE_OF, Items, OptionalName, Token, as_text, shown
from buildnet_cli.config.permission import Permission
from buildnet_cli.config.recipient import Channel, Listener, Recipient
from buildnet_cli.config.section import Section
from buildnet_cli.events.pattern import Pattern

# Source: Slack object ids: a letter for the kind (C, G, D, U, W, T), then upper-case letters and digits.
_ID = r"[A-Z][A-Z0-9]{2,31}"


def _as_slack_id(value: Any) -> str:
    text = as_text(value)
    if not re.fullmatch(_ID, text):
        raise ValueError(f"{shown(text)} is no Slack id; copy it from Slack, such as C0123456789 or U0123456789")
    return text


def _as_room(value: Any) -> str:
    text = as_text(value)
    if text and not re.fullmatch(rf"#[^\s#@,<>\"]{{1,80}}|{_ID}", text):
        raise ValueError(
            f'{shown(text)} is no Slack channel: write text such as "#builds", in quotes, or an id such as C0123456789'
        )
    return text


SlackId = Annotated[str, BeforeValidator(_as_slack_id)]
OptionalSlackId = Annotated[str, BeforeValidator(lambda value: value if value == "" else _as_slack_id(value))]
Room = Annotated[str, BeforeValidator(_as_room)]


class SlackRoom(Listener):
    """A Slack channel that gets events."""

    id: SlackId = Field(description="Channel id, such as C0123456789. Required.")
    name: OptionalName = Field("", description='What it is called, such as "#builds". Default: the id.')


class SlackUser(Section):
    """Somebody who may send commands from Slack."""

    id: SlackId = Field(description="User id, such as U0123456789; display names prove nothing. Required.")
    name: OptionalName = Field("", description="What the person is called in the audit. Default: the id.")
    commands: Items[Permission] = Field(("*",), description="What the person may ask for. Default: everything.")


class Slack(Channel):
    """A Slack app."""

    kind: ClassVar[str] = "slack"

    bot_token: Token = Field(None, description="Bot token (xoxb-…) that posts. Required while enabled.")
    app_token: Token = Field(None, description="App-level token (xapp-…) for Socket Mode. Required with mode socket.")
    signing_secret: Token = Field(None, description="Proves that requests come from Slack. Default: none, no inbound routes.")
    mode: Annotated[Literal["http", "socket"], ONE_OF] = Field(
        "http", description="How Slack reaches us: http = it calls our routes, socket = we hold a connection open. Default: http."
    )
    team_id: OptionalSlackId = Field("", description="Workspace whose requests are taken, T…. Default: any that is signed.")
    default_channel: Room = Field(
        "",
        description='Where events go that no listed channel matched, all if none is listed, such as "#builds". Default: none.',
    )
    channels: Items[SlackRoom] = Field((), description="Slack channels and the events each gets. Default: none.")
    allowed_users: Items[SlackUser] = Field((), description="Who may send commands. Default: nobody.")
    base_url: BaseUrl = Field("", description="Address of the API, without a method. Default: https://slack.com/api.")

    def missing(self) -> list[str]:
        lacking = [] if self.bot_token else ["bot_token"]
        if self.mode == "socket" and not self.app_token:
            lacking.append("app_token")
        return lacking

    def all_recipients(self) -> tuple[Recipient, ...]:
        rooms = tuple(
            Recipient(
                self.kind,
                room.name or room.id,
                room.id,
                room.patterns,
                self.path_of("channels", index),
                takes_rest=self.default_channel in {room.id, room.name} - {""},
            )
            for index, room in enumerate(self.channels)
        )
        if not self.default_channel or any(room.takes_rest for room in rooms):
            return rooms
        patterns = () if rooms else (Pattern.parse("*"),)
        path = self.path_of("default_channel")
        return (*rooms, Recipient(self.kind, self.default_channel, self.default_channel, patterns, path, takes_rest=bool(rooms)))
