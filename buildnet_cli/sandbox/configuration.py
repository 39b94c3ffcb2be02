"""A configuration whose seven channels all lead to a sandbox: for the demo, and for whoever wants to look around. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from buildnet_cli.sandbox import fcm, smtp, telegram, twilio
from buildnet_cli.sandbox.discord import routes as discord
from buildnet_cli.sandbox.slack import routes as slack

PROBLEMS: Final = ("*.failed", "*.critical")
"""What everybody hears of by default. Who was told of a problem is told of its end, too."""


def channels(url: str, smtp_port: int, service_account: str, events: Sequence[str] = PROBLEMS) -> dict[str, Any]:
    """The section `notifications.channels`, with one recipient for each kind.

    url, smtp_port: of the running sandbox. service_account: path of a file with what `GET /fcm/service-account.json` answers.
    """
    heard = {"events": list(events)}
    return {
        "sms": {
            "account_sid": twilio.ACCOUNT_SID,
            "auth_token": twilio.AUTH_TOKEN,
            "from_number": twilio.FROM_NUMBER,
            "base_url": f"{url}{twilio.PREFIX}",
            "recipients": [{"phone": "+14155550123", "name": "Dana", **heard}],
        },
        "email": {
            "provider": "smtp",
            "from": "BuildNet <builds@example.com>",
            "smtp": {
                "host": "127.0.0.1",
                "port": smtp_port,
                "username": smtp.USERNAME,
                "password": smtp.PASSWORD,
                "tls": False,
            },
            "recipients": [{"email": "team@example.com", **heard}],
        },
        "push": {
            "firebase": {"project_id": fcm.PROJECT, "credentials": service_account, "base_url": f"{url}{fcm.PREFIX}"},
            "topics": [{"name": "builds", **heard}],
        },
        "slack": {
            "bot_token": slack.BOT_TOKEN,
            "base_url": f"{url}/slack/api",
            "channels": [{"id": "C0123456789", "name": "#builds", **heard}],
        },
        "discord": {
            "bot_token": discord.BOT_TOKEN,
            "base_url": f"{url}/discord/api/v10",
            "channels": [{"id": "100000000000000101", "name": "builds", **heard}],
        },
        "telegram": {
            "bot_token": telegram.TOKEN,
            "base_url": f"{url}{telegram.PREFIX}",
            "chats": [{"id": "-1001234567890", "name": "Builds", **heard}],
        },
        "webhooks": [{"name": "Dashboard", "url": f"{url}/hooks/dashboard", **heard}],
    }
