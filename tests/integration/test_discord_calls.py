"""Discord calls us over HTTP: what the stand-in signs is read, what it forges is not, and answers find their way back."""

from __future__ import annotations

import urllib.error
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from buildnet_cli.channels.discord import interactions, reply
from buildnet_cli.channels.discord.inbound import DiscordInbound
from buildnet_cli.channels.discord.slash import definitions
from buildnet_cli.channels.incoming import Asked, Immediate
from buildnet_cli.clock import SystemClock
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.commands.registry import commands
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.errors import ChannelError, ConfigError, Outcome
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.discord.routes import BOT_TOKEN
from buildnet_cli.sandbox.discord.sender import APPLICATION_ID, GUILD_ID, public_key
from buildnet_cli.sandbox.sending import FLAWS
from tests.support.callee import callee
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

WHO = "200000000000000001"
ROOM = "987654321"
ASKED = CommandResult(
    "CACHE CLEAR",
    CommandStatus.CONFIRMATION_REQUIRED,
    "req_01j9z8c3n4p5q6r7s8t9v0w1x2",
    datetime(2026, 3, 4, tzinfo=UTC),
    {"code": "483920", "expires_at": "2026-03-04T00:05:00.000Z"},
    "CACHE CLEAR would remove 3 artifacts. Nothing has run yet.",
)


@dataclass
class App:
    """Reads what Discord posts, with our own reader."""

    config: Discord
    is_late: bool = False
    heard: list[Asked] = field(default_factory=list)

    def read(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        found = DiscordInbound(self.config, self.config.base_url, commands()).read(headers, body, SystemClock().now())
        if isinstance(found, Immediate):
            return found.body
        self.heard.append(found)
        is_press = bool(found.request_id)
        return reply.later(is_press=is_press) if self.is_late else reply.response(ASKED, WHO, is_press=is_press)


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def app(inbox: HttpInbox) -> App:
    return App(config(inbox))


@pytest.fixture
def url(app: App) -> Iterator[str]:
    with callee(app.read) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def config(inbox: HttpInbox, **options: str) -> Discord:
    given = {"bot_token": BOT_TOKEN, "guild_id": GUILD_ID, "application_id": APPLICATION_ID, "public_key": public_key()}
    return Discord.model_validate({**given, "base_url": f"{inbox.url}/discord/api/v10", **options})


def test_a_ping_is_answered_and_a_forged_one_is_not(inbox: HttpInbox, url: str) -> None:
    assert inbox.send("discord", url=url, kind="ping")["body"] == {"type": 1}
    assert inbox.send("discord", url=url, kind="ping", flaw="signature")["status"] == 401


async def test_a_registered_command_is_picked_and_answered_with_buttons(
    inbox: HttpInbox, app: App, url: str, http: HttpClient
) -> None:
    await interactions.register(http, app.config, definitions(commands()))
    answer = inbox.send("discord", url=url, kind="command", text="buildnet build api --force", id="7")
    assert answer["status"] == 200
    assert "refused" not in answer
    (heard,) = app.heard
    assert (heard.inbound.identifier, heard.inbound.text, heard.inbound.message_id) == (WHO, "BUILD api --force", "7")
    (shown,) = inbox.received(ROOM)
    assert "would remove 3 artifacts" in shown.body["content"]


async def test_a_command_that_is_not_registered_cannot_be_picked(inbox: HttpInbox, app: App, url: str, http: HttpClient) -> None:
    await interactions.register(http, app.config, [])
    with pytest.raises(urllib.error.HTTPError) as caught:
        inbox.send("discord", url=url, kind="command", text="buildnet status")
    caught.value.close()
    assert app.heard == []


async def test_what_is_registered_takes_the_place_of_what_was(inbox: HttpInbox, app: App, http: HttpClient) -> None:
    for _ in range(2):
        await interactions.register(http, app.config, definitions(commands()))
    everywhere = config(inbox, guild_id="")
    await interactions.register(http, everywhere, definitions(commands()))
    for refused, outcome in ((config(inbox, bot_token="wrong"), Outcome.HOLD), (config(inbox), Outcome.PERMANENT)):
        with pytest.raises(ChannelError) as caught:
            await interactions.register(http, refused, [{"name": "Not a name", "description": "x"}])
        assert caught.value.outcome is outcome


async def test_nothing_is_registered_without_an_application(inbox: HttpInbox, http: HttpClient) -> None:
    with pytest.raises(ConfigError, match="application id"):
        await interactions.register(http, config(inbox, application_id=""), [])


def test_the_button_that_was_shown_comes_back_as_an_answer(inbox: HttpInbox, app: App, url: str) -> None:
    data = {"name": "buildnet", "options": [{"type": 2, "name": "cache", "options": [{"type": 1, "name": "clear"}]}]}
    shown = inbox.send("discord", url=url, kind="command", data=data)["body"]["data"]
    run, cancel = (button["custom_id"] for button in shown["components"][0]["components"])
    assert inbox.send("discord", url=url, kind="button", value=run)["body"]["type"] == 7
    assert inbox.send("discord", url=url, kind="button", value=cancel)["status"] == 200
    stranger = inbox.send("discord", url=url, kind="button", value=run, user="999")
    assert stranger["body"]["data"]["flags"] == 64
    assert [heard.inbound.text for heard in app.heard] == ["CACHE CLEAR", "CONFIRM 483920", "NO"]


@pytest.mark.parametrize("kind", ["ping", "command", "button"])
@pytest.mark.parametrize("flaw", FLAWS)
def test_nothing_that_is_forged_is_read(inbox: HttpInbox, app: App, url: str, kind: str, flaw: str) -> None:
    data = {"name": "buildnet", "options": [{"type": 1, "name": "status"}]}
    assert inbox.send("discord", url=url, kind=kind, data=data, value="CANCEL req_1 1", flaw=flaw)["status"] == 401
    assert app.heard == []


@pytest.mark.parametrize("guild", ["555", ""])
def test_another_place_than_the_configured_server_is_refused(inbox: HttpInbox, app: App, url: str, guild: str) -> None:
    data = {"name": "buildnet", "options": [{"type": 1, "name": "status"}]}
    assert inbox.send("discord", url=url, kind="command", data=data, guild=guild)["status"] == 401


async def test_an_answer_that_was_put_off_takes_its_place_later(inbox: HttpInbox, app: App, url: str, http: HttpClient) -> None:
    app.is_late = True
    data = {"name": "buildnet", "options": [{"type": 1, "name": "status"}]}
    assert inbox.send("discord", url=url, kind="command", data=data)["body"] == {"type": 5, "data": {"flags": 64}}
    assert inbox.received(ROOM) == []
    await interactions.edit_original(http, app.heard[0].answer_url, reply.message(ASKED, WHO))
    (shown,) = inbox.received(ROOM)
    assert shown.method == "PATCH"
    unknown = app.heard[0].answer_url.replace("/messages/", "x/messages/")
    with pytest.raises(ChannelError, match="Unknown Webhook") as caught:
        await interactions.edit_original(http, unknown, reply.message(ASKED, WHO))
    assert "/webhooks/" not in caught.value.message
