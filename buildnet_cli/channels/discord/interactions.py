"""What interactions need of Discord's API: our commands registered there, and an answer that was put off.

Source: Discord "Application Commands" (bulk overwrite: what is not in the list is removed), "Receiving and Responding to
Interactions" (edit original response, within 15 minutes; the token in the address is all the proof there is).
"""

from __future__ import annotations

from typing import Any

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.discord.adapter import API, USER_AGENT
from buildnet_cli.channels.discord.answer import message_id
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.errors import ConfigError
from buildnet_cli.net.http import HttpClient

_HEADERS = {"user-agent": USER_AGENT, "content-type": "application/json"}


async def register(http: HttpClient, discord: Discord, definitions: list[dict[str, Any]], *, timeout_secs: float = 15.0) -> None:
    """Make these all the commands of the application, in the configured server alone if there is one, else everywhere.

    In a server they are there at once. Raises ConfigError without an application id, ChannelError on any refusal.
    """
    if not discord.application_id or discord.bot_token is None:
        raise ConfigError(
            "Discord's slash commands cannot be registered without an application id and a bot token",
            where="notifications.channels.discord.application_id",
            hint="copy the application id from the application's page, General Information",
        )
    place = f"/guilds/{discord.guild_id}" if discord.guild_id else ""
    answer = await http.request(
        "PUT",
        f"{discord.base_url or API}/applications/{discord.application_id}{place}/commands",
        headers={**_HEADERS, "authorization": f"Bot {discord.bot_token.get_secret_value()}"},
        content=json_bytes(definitions),
        timeout_secs=timeout_secs,
    )
    message_id(answer)


async def edit_original(http: HttpClient, url: str, message: dict[str, Any], *, timeout_secs: float = 15.0) -> None:
    """Put a message in the place of the answer that was put off. url: an answer_url. Raises ChannelError on any refusal."""
    message_id(await http.request("PATCH", url, headers=_HEADERS, content=json_bytes(message), timeout_secs=timeout_secs))
