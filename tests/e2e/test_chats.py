"""One problem in the chats: a message that says how things stand, and below it what happened since."""

from __future__ import annotations

import pytest

from buildnet_cli.sandbox.discord.routes import BOT_TOKEN as DISCORD_TOKEN
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.slack.routes import BOT_TOKEN as SLACK_TOKEN
from tests.support.agent import Project, wait_for
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

ROOMS = {"slack": "C0INCIDENT", "discord": "100000000000000777"}


def test_a_failure_and_its_end_are_one_thread(project: Project, inbox: HttpInbox) -> None:
    events = ["build.failed", "build.completed"]
    slack = {"bot_token": SLACK_TOKEN, "channels": [{"id": ROOMS["slack"], "name": "#builds", "events": events}]}
    discord = {"bot_token": DISCORD_TOKEN, "channels": [{"id": ROOMS["discord"], "name": "builds", "events": events}]}
    channels = {
        "slack": {**slack, "base_url": f"{inbox.url}/slack/api"},
        "discord": {**discord, "base_url": f"{inbox.url}/discord/api/v10"},
    }
    project.configure(notifications={"channels": channels})
    project.start()
    project.call("run", "--package", "api", "--", "true")
    project.call("run", "--package", "api", "--", "false")
    project.call("run", "--package", "api", "--", "true")
    for kind, room in ROOMS.items():
        well, failed, fixed, changed = wait_for(lambda room=room: four(inbox.received(room)), f"{kind} was not told everything")
        assert failed.reading.title.startswith("api FAILED")
        assert fixed.reading.title.startswith("api FIXED")
        assert [message.thread for message in (well, failed, fixed, changed)] == [0, 0, failed.number, 0]
        assert [message.replaces for message in (well, failed, fixed, changed)] == [0, 0, 0, failed.number]
        assert (changed.reading.title, changed.reading.was) == (fixed.reading.title, failed.reading.title)
    assert len(inbox.received(ROOMS["slack"]) + inbox.received(ROOMS["discord"])) == 8


def four(messages: list[Received]) -> list[Received] | None:
    return messages if len(messages) == 4 else None
