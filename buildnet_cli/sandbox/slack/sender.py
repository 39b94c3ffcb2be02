"""What Slack sends to an app when somebody writes to it or presses a button, and how it is signed. Pure.

Source: Slack "Verifying requests from Slack", "Enabling interactivity with slash commands", "Events API", "block_actions
payload".
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

from buildnet_cli.errors import UsageError

SIGNING_SECRET: Final = "sandbox-signing-secret"  # noqa: S105  (opens nothing but the sandbox)
"""What a genuine request is signed with."""

TEAM_ID: Final = "T0SANDBOX"
APP_ID: Final = "A0SANDBOX"
BOT_USER: Final = "U0SANDBOX"

FORM: Final = "application/x-www-form-urlencoded"
JSON: Final = "application/json"


def signed(body: bytes, at: datetime, with_other_key: bool) -> dict[str, str]:
    """The headers that prove a request."""
    timestamp, key = str(int(at.timestamp())), "forged" if with_other_key else SIGNING_SECRET
    digest = hmac.new(key.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-signature": f"v0={digest}", "x-slack-request-timestamp": timestamp}


def request_for(wish: Mapping[str, Any], id: str, response_url: str, now: datetime) -> tuple[bytes, str]:
    """The body and its type.

    wish: `kind` is command, mention, message (a direct one), button, challenge or ssl_check; `text`, `user`, `team`, `channel`,
    `thread_ts` and, for a button, its `value`. id: by which Slack would know the request. Raises UsageError for another kind.
    """
    kind = wish.get("kind")
    user, team = str(wish.get("user") or "U0123456789"), str(wish.get("team") or TEAM_ID)
    text, room = str(wish.get("text") or ""), str(wish.get("channel") or "C0123456789")
    if kind == "command":
        return _slash(text, user, team, room, id, response_url), FORM
    if kind == "button":
        return _press(str(wish.get("value") or ""), user, team, room, id, response_url), FORM
    if kind == "ssl_check":
        return urlencode({"ssl_check": "1", "token": "legacy"}).encode(), FORM
    if kind == "challenge":
        return json.dumps({"type": "url_verification", "token": "legacy", "challenge": id}).encode(), JSON
    said: dict[str, Any] = {"user": user, "channel": room, "ts": f"{int(now.timestamp())}.000100", "team": team}
    if wish.get("thread_ts"):
        said["thread_ts"] = str(wish["thread_ts"])
    if wish.get("bot"):
        said["bot_id"] = "B0SANDBOX"
    if kind == "mention":
        return _event({**said, "type": "app_mention", "text": f"<@{BOT_USER}> {text}"}, team, id, now), JSON
    if kind == "message":
        return _event({**said, "type": "message", "channel_type": "im", "text": text}, team, id, now), JSON
    raise UsageError("kind is command, mention, message, button, challenge or ssl_check", where="kind")


def _slash(text: str, user: str, team: str, room: str, id: str, response_url: str) -> bytes:
    return urlencode(
        {
            "token": "legacy",
            "team_id": team,
            "team_domain": "sandbox",
            "channel_id": room,
            "channel_name": "builds",
            "user_id": user,
            "user_name": "dana",
            "command": "/buildnet",
            "text": text,
            "api_app_id": APP_ID,
            "is_enterprise_install": "false",
            "response_url": response_url,
            "trigger_id": id,
        }
    ).encode()


def _press(value: str, user: str, team: str, room: str, id: str, response_url: str) -> bytes:
    payload = {
        "type": "block_actions",
        "api_app_id": APP_ID,
        "team": {"id": team, "domain": "sandbox"},
        "user": {"id": user, "username": "dana", "name": "dana", "team_id": team},
        "channel": {"id": room, "name": "builds"},
        "container": {"type": "message", "channel_id": room, "is_ephemeral": True},
        "trigger_id": id,
        "response_url": response_url,
        "actions": [{"type": "button", "action_id": value.partition(" ")[0].lower(), "block_id": "b1", "value": value}],
    }
    return urlencode({"payload": json.dumps(payload)}).encode()


def _event(event: Mapping[str, Any], team: str, id: str, now: datetime) -> bytes:
    envelope = {
        "token": "legacy",
        "team_id": team,
        "api_app_id": APP_ID,
        "event": event,
        "type": "event_callback",
        "event_id": id,
        "event_time": int(now.timestamp()),
        "authorizations": [{"team_id": team, "user_id": BOT_USER, "is_bot": True}],
    }
    return json.dumps(envelope).encode()
