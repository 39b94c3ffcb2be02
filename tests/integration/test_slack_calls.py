"""Slack calls us over HTTP: what the stand-in signs is read, what it forges is not, and answers find their way back."""

from __future__ import annotations

import urllib.error
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest
from slack_sdk.signature import SignatureVerifier

from buildnet_cli.channels.incoming import Asked, Immediate
from buildnet_cli.channels.slack import later, reply
from buildnet_cli.channels.slack.inbound import SlackInbound
from buildnet_cli.clock import SystemClock
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.errors import ChannelError
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.sending import FLAWS
from buildnet_cli.sandbox.slack.routes import BOT_TOKEN
from buildnet_cli.sandbox.slack.sender import SIGNING_SECRET, TEAM_ID
from tests.support.callee import callee
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

KINDS = {"command": "read_command", "mention": "read_event", "message": "read_event", "button": "read_press"}
WHO = f"{TEAM_ID}/U0123456789"
ROOM = "C0123456789"
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
    """Reads what Slack posts, with our own reader."""

    slack: SlackInbound
    reader: str = "read_command"
    heard: list[Asked] = field(default_factory=list)

    def read(self, headers: Mapping[str, str], body: bytes) -> dict[str, Any] | None:
        # Slack's own client agrees that it is signed, or that it is not.
        is_genuine = SignatureVerifier(SIGNING_SECRET).is_valid_request(body, dict(headers))
        try:
            found = getattr(self.slack, self.reader)(headers, body, SystemClock().now())
        except Exception:
            assert not is_genuine
            raise
        assert is_genuine
        if isinstance(found, Immediate):
            return found.body
        if found is None:
            return None
        self.heard.append(found)
        return reply.response(ASKED, found.inbound.identifier) if self.reader == "read_command" else None


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def app(inbox: HttpInbox) -> App:
    given = {"bot_token": BOT_TOKEN, "signing_secret": SIGNING_SECRET, "team_id": TEAM_ID, "base_url": f"{inbox.url}/slack/api"}
    return App(SlackInbound(Slack.model_validate(given)))


@pytest.fixture
def url(app: App) -> Iterator[str]:
    with callee(app.read) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.close()


def test_a_slash_command_is_answered_at_once_with_buttons(inbox: HttpInbox, app: App, url: str) -> None:
    answer = inbox.send("slack", url=url, kind="command", text="cache clear", id="1.2.a")
    assert (answer["status"], answer["id"]) == (200, "1.2.a")
    assert "refused" not in answer
    (heard,) = app.heard
    assert (heard.inbound.identifier, heard.inbound.text, heard.inbound.message_id) == (WHO, "cache clear", "1.2.a")
    (shown,) = inbox.received(ROOM)
    assert "would remove 3 artifacts" in str(shown.body)


def test_the_button_that_was_shown_comes_back_as_an_answer(inbox: HttpInbox, app: App, url: str) -> None:
    shown = inbox.send("slack", url=url, kind="command", text="cache clear")["body"]
    run, cancel = (element["value"] for block in shown["blocks"] for element in block.get("elements", ()))
    app.reader = "read_press"
    assert inbox.send("slack", url=url, kind="button", value=run)["body"] == ""
    assert inbox.send("slack", url=url, kind="button", value=cancel)["status"] == 200
    inbox.send("slack", url=url, kind="button", value=run, user="U0SOMEBODY")
    assert [heard.inbound.text for heard in app.heard[1:]] == ["CONFIRM 483920", "NO"]
    assert {heard.request_id for heard in app.heard[1:]} == {ASKED.request_id}


@pytest.mark.parametrize("kind", ["mention", "message"])
def test_what_is_said_to_the_bot_is_read(inbox: HttpInbox, app: App, url: str, kind: str) -> None:
    app.reader = "read_event"
    assert inbox.send("slack", url=url, kind=kind, text="build api", thread_ts="1.5")["status"] == 200
    inbox.send("slack", url=url, kind=kind, text="build api", bot=True)
    (heard,) = app.heard
    assert (heard.inbound.text, heard.inbound.reply_to.thread) == ("build api", f"{ROOM}:1.5")


def test_the_challenge_comes_back(inbox: HttpInbox, app: App, url: str) -> None:
    app.reader = "read_event"
    assert inbox.send("slack", url=url, kind="challenge", id="abc")["body"] == {"challenge": "abc"}
    app.reader = "read_command"
    assert inbox.send("slack", url=url, kind="ssl_check")["body"] == ""


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("flaw", FLAWS)
def test_nothing_that_is_forged_is_read(inbox: HttpInbox, app: App, url: str, kind: str, flaw: str) -> None:
    app.reader = KINDS[kind]
    assert inbox.send("slack", url=url, kind=kind, text="status", value="CANCEL req_1 1", flaw=flaw)["status"] == 401
    assert app.heard == []


async def test_a_later_answer_takes_the_questions_place(inbox: HttpInbox, app: App, url: str, http: HttpClient) -> None:
    inbox.send("slack", url=url, kind="command", text="cache clear")
    answer_url = app.heard[0].answer_url
    for _ in range(5):
        await later.answer(http, answer_url, reply.replacement(ASKED, WHO))
    assert inbox.received(ROOM)[-1].body["replace_original"] is True
    with pytest.raises(ChannelError, match="used_url"):
        await later.answer(http, answer_url, reply.replacement(ASKED, WHO))


def test_the_sandbox_calls_nobody_else(inbox: HttpInbox) -> None:
    with pytest.raises(urllib.error.HTTPError) as caught:
        inbox.send("slack", url="https://example.com/", kind="command")
    with caught.value as answer:
        assert answer.status == 400
