"""What comes in from Slack over HTTP: is it Slack's, and who asks for what? Pure.

Source: Slack "Verifying requests from Slack" (`v0:timestamp:body`, HMAC-SHA256, five minutes), "Enabling interactivity with slash
commands", "Using the Slack Events API", "Handling user interaction in your Slack apps" (block_actions).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlsplit

from buildnet_cli.channels.button import read_button
from buildnet_cli.channels.incoming import Asked, Immediate, json_body, part, shown_name, text
from buildnet_cli.channels.slack.typed import typed, without_mention
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

WINDOW_SECS: Final = 300
"""How far a request's time may be from ours, either way."""

RESPONSE_HOST: Final = "hooks.slack.com"

_TIMESTAMP = re.compile(r"[0-9]{1,12}", re.ASCII)
_ID = re.compile(r"[A-Z][A-Z0-9]{2,31}", re.ASCII)
_MESSAGE_ID = re.compile(r"[A-Za-z0-9._-]{1,200}", re.ASCII)
_MOST_FIELDS = 100

_ALONE = "STATUS"
"""What somebody wants to see who calls us and says nothing."""


class SlackInbound:
    """Reads what Slack posts to the three addresses of an app. Every request is proved before anything of it is looked at.

    All three take the headers by lower-case name and the raw body, and raise ForgedError unless both are Slack's and of the
    configured workspace, UsageError if they make no sense. None is something that calls for no answer but status 200.
    """

    def __init__(self, slack: Slack) -> None:
        self._secret = slack.signing_secret.get_secret_value().encode() if slack.signing_secret is not None else b""
        self._team_id = slack.team_id
        self._base_url = slack.base_url

    def read_command(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Asked | Immediate:
        """A slash command. The answer may be in the response, within 3 s."""
        verify(self._secret, headers, body, now)
        form = _form(body)
        if form.get("ssl_check") == "1":
            return Immediate()
        who, room = self._who(text(form, "team_id"), text(form, "user_id")), _id(form, "channel_id")
        inbound = Inbound(
            channel="slack",
            identifier=who,
            text=typed(text(form, "text")) or _ALONE,
            message_id=_message_id(form, "trigger_id"),
            reply_to=Address("slack", room),
            name=shown_name(form, "user_name"),
        )
        return Asked(inbound, self._answer_url(form))

    def read_event(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Asked | Immediate | None:
        """A direct message to the bot or a mention of it; what bots write, changes of messages and other events are None.

        Slack sends it again unless it gets its 200 within 3 s; the answer is posted.
        """
        verify(self._secret, headers, body, now)
        envelope = json_body(body)
        if envelope.get("type") == "url_verification":
            return Immediate({"challenge": text(envelope, "challenge")})
        event = part(envelope, "event")
        if envelope.get("type") != "event_callback" or not _is_said_to_us(event, envelope):
            return None
        who, room = self._who(text(envelope, "team_id"), text(event, "user")), _id(event, "channel")
        first = text(event, "thread_ts") or text(event, "ts")
        raw = text(event, "text")
        inbound = Inbound(
            channel="slack",
            identifier=who,
            text=typed(without_mention(raw)) or _ALONE,
            message_id=_message_id(envelope, "event_id"),
            reply_to=Address("slack", room, f"{room}:{first}" if _is_ts(first) else ""),
        )
        return Asked(inbound)

    def read_press(self, headers: Mapping[str, str], body: bytes, now: datetime) -> Asked | None:
        """A button pressed below a question of ours, by whoever was asked; anybody else's press is None. Answered later."""
        verify(self._secret, headers, body, now)
        payload = json_body(text(_form(body), "payload").encode())
        actions = payload.get("actions")
        if payload.get("type") != "block_actions" or not isinstance(actions, list) or len(actions) != 1:
            return None
        button = read_button(text(actions[0], "value")) if isinstance(actions[0], dict) else None
        if button is None:
            return None
        user = part(payload, "user")
        who = self._who(text(part(payload, "team"), "id") or text(user, "team_id"), text(user, "id"))
        if who != button.asker:
            return None
        inbound = Inbound(
            channel="slack",
            identifier=who,
            text=button.answer,
            message_id=_message_id(payload, "trigger_id"),
            reply_to=Address("slack", _id(part(payload, "channel"), "id")),
            name=shown_name(user, "username", "name"),
        )
        return Asked(inbound, self._answer_url(payload), button.request_id)

    def _who(self, team_id: str, user_id: str) -> str:
        """The workspace and the person: an id of a person alone is not promised to be one's own everywhere."""
        if self._team_id and team_id != self._team_id:
            raise ForgedError("the request is of another Slack workspace than the configured one")
        if not _ID.fullmatch(team_id) or not _ID.fullmatch(user_id):
            raise UsageError("the request does not say which person of which workspace it is from")
        return f"{team_id}/{user_id}"

    def _answer_url(self, form: Mapping[str, Any]) -> str:
        """Where a later answer goes, if that is Slack, or the API's stand-in; what we answer is for nobody else."""
        url = form.get("response_url")
        if not isinstance(url, str) or not url.isascii():
            return ""
        try:
            given, own = urlsplit(url), urlsplit(self._base_url)
        except ValueError:
            return ""
        is_slack = (given.scheme, given.netloc) == ("https", RESPONSE_HOST)
        is_stand_in = bool(self._base_url) and (given.scheme, given.netloc) == (own.scheme, own.netloc)
        return url if is_slack or is_stand_in else ""


def verify(secret: bytes, headers: Mapping[str, str], body: bytes, now: datetime) -> None:
    """Raises ForgedError unless the request is signed with the secret and of this moment. headers: by lower-case name."""
    given, timestamp = headers.get("x-slack-signature", ""), headers.get("x-slack-request-timestamp", "")
    if not secret or not _TIMESTAMP.fullmatch(timestamp):
        raise ForgedError("the request is not signed as Slack signs")
    digest = hmac.new(secret, b"v0:%b:%b" % (timestamp.encode("ascii"), body), hashlib.sha256).hexdigest()
    is_signed = hmac.compare_digest(f"v0={digest}".encode("ascii"), given.encode("utf-8", "replace"))
    is_fresh = abs(now.timestamp() - int(timestamp)) <= WINDOW_SECS
    if not (is_signed and is_fresh):
        raise ForgedError("the request's signature is not Slack's, or is too old")


def _is_said_to_us(event: dict[str, Any], envelope: dict[str, Any]) -> bool:
    """Whether a person says something to the bot. Answering bots, ourselves among them, would have no end."""
    if event.get("bot_id") or event.get("bot_profile") or event.get("subtype") or event.get("edited"):
        return False
    granted = envelope.get("authorizations")
    bots = [one.get("user_id") for one in granted if isinstance(one, dict)] if isinstance(granted, list) else []
    if event.get("user") in bots:
        return False
    kind = event.get("type")
    return kind == "app_mention" or (kind == "message" and event.get("channel_type") == "im")


def _form(body: bytes) -> dict[str, Any]:
    try:
        return dict(parse_qsl(body.decode("utf-8"), keep_blank_values=True, max_num_fields=_MOST_FIELDS))
    except ValueError:
        raise UsageError("the request holds no form") from None


def _id(value: Mapping[str, Any], name: str) -> str:
    found = text(dict(value), name)
    if not _ID.fullmatch(found):
        raise UsageError("the request does not say which Slack channel it is from")
    return found


def _message_id(value: Mapping[str, Any], name: str) -> str:
    found = text(dict(value), name)
    if not _MESSAGE_ID.fullmatch(found):
        raise UsageError(f"the request has no {name}, so it could not be told from one that comes again")
    return found


def _is_ts(value: str) -> bool:
    return re.fullmatch(r"[0-9]{1,12}\.[0-9]{1,9}", value, re.ASCII) is not None
