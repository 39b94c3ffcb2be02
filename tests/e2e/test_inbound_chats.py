"""Commands from Slack and Discord, as these send them: signed, answered in time, and by nobody who shouldn't."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from buildnet_cli.sandbox.discord import routes as discord_api
from buildnet_cli.sandbox.discord import sender as discord
from buildnet_cli.sandbox.sending import FLAWS
from buildnet_cli.sandbox.slack import routes as slack_api
from buildnet_cli.sandbox.slack import sender as slack
from tests.support.agent import Project, new_project, wait_for
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

DANA, DISCORD_DANA = "U0123456789", "200000000000000001"


@pytest.fixture
def chatting(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """A project whose agent takes commands from Dana in both chats."""
    with new_project(tmp_path_factory.mktemp("chatting")) as project:
        inbox.clear()
        channels = {
            "slack": {
                "bot_token": slack_api.BOT_TOKEN,
                "signing_secret": slack.SIGNING_SECRET,
                "base_url": f"{inbox.url}/slack/api",
                "channels": [{"id": "C0123456789", "name": "#builds", "events": ["build.failed"]}],
                "allowed_users": [{"id": DANA, "name": "Dana"}],
            },
            "discord": {
                "bot_token": discord_api.BOT_TOKEN,
                "public_key": discord.public_key(),
                "application_id": discord.APPLICATION_ID,
                "base_url": f"{inbox.url}/discord/api/v10",
                "channels": [{"id": "987654321", "name": "builds", "events": ["build.failed"]}],
                "allowed_users": [{"id": DISCORD_DANA, "name": "Dana", "commands": ["status", "build"]}],
            },
        }
        project.configure(notifications={"channels": channels}, remote_control={"enabled": True})
        project.packages(good="echo fine")
        project.start()
        yield project


def play(inbox: HttpInbox, provider: str, **wish: Any) -> Any:
    """Have a stand-in call the agent; what it was answered with: `{status, body, id}`."""
    asked = urllib.request.Request(
        f"{inbox.url}/{provider}/send", json.dumps(wish).encode(), {"Content-Type": "application/json"}, method="POST"
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:
        return json.load(answer)


def slack_says(inbox: HttpInbox, project: Project, kind: str, **wish: Any) -> Any:
    route = {"command": "commands", "button": "interactive"}.get(kind, "events")
    return play(inbox, "slack", url=f"{project.url}/api/notifications/slack/{route}", kind=kind, **wish)


def discord_says(inbox: HttpInbox, project: Project, kind: str, **wish: Any) -> Any:
    return play(inbox, "discord", url=f"{project.url}/api/notifications/discord/interactions", kind=kind, **wish)


def picked(*words: str, **values: str) -> dict[str, Any]:
    """What Discord sends for `/buildnet build api`, whether it is registered or not."""
    options = [{"name": name, "type": 3, "value": value} for name, value in values.items()]
    for word in reversed(words):
        options = [{"name": word, "type": 1, "options": options}]
    return {"name": "buildnet", "type": 1, "options": options}


def test_a_slash_command_is_answered_and_the_end_of_the_build_is_told(chatting: Project, inbox: HttpInbox) -> None:
    answer = slack_says(inbox, chatting, "command", text="build good", user=DANA)
    assert answer["status"] == 200
    assert answer["body"]["response_type"] == "in_channel"
    assert "Build queued" in answer["body"]["text"]
    told = wait_for(lambda: [m for m in inbox.received("C0123456789") if "good ok" in m.reading.title], "the end is not told")
    assert len(told) == 1


def test_what_is_said_to_the_bot_is_answered_where_it_was_said(chatting: Project, inbox: HttpInbox) -> None:
    answer = slack_says(inbox, chatting, "mention", text="status", user=DANA)
    assert (answer["status"], answer["body"]) == (200, "")
    (told,) = wait_for(lambda: inbox.received("C0123456789"), "nothing is answered")
    assert "running" in told.body["text"].lower()


def test_a_strong_command_is_confirmed_with_a_button_by_whoever_asked(chatting: Project, inbox: HttpInbox) -> None:
    asked = slack_says(inbox, chatting, "command", text="cache clear", user=DANA)["body"]
    (value,) = [
        element["value"]
        for block in asked["blocks"]
        if block["type"] == "actions"
        for element in block["elements"]
        if element["action_id"] == "confirm"
    ]
    assert slack_says(inbox, chatting, "button", value=value, user="U0999999999")["status"] == 200
    assert not _cleared(chatting)
    assert slack_says(inbox, chatting, "button", value=value, user=DANA)["status"] == 200
    wait_for(lambda: _cleared(chatting), "the cache is not cleared")


def _cleared(project: Project) -> bool:
    return any(
        entry["command"] == "CACHE CLEAR" and entry["status"] == "executed" for entry in project.items("/api/commands/history")
    )


def test_a_request_that_slack_sends_again_is_acted_on_once(chatting: Project, inbox: HttpInbox) -> None:
    first = slack_says(inbox, chatting, "command", text="build good", user=DANA)
    again = slack_says(inbox, chatting, "command", text="build good", user=DANA, id=first["id"])
    assert (again["status"], again["body"]) == (200, "")
    assert len({build["run_id"] for build in chatting.items("/api/builds")}) == 1


def test_a_stranger_in_slack_gets_silence(chatting: Project, inbox: HttpInbox) -> None:
    answer = slack_says(inbox, chatting, "command", text="cache clear", user="U0999999999")
    assert (answer["status"], answer["body"]) == (200, "")
    (entry,) = chatting.call("audit", "list", "--json").must().json["items"]
    assert (entry["event_type"], entry["source"]["identifier"]) == ("command.rejected", f"{slack.TEAM_ID}/U0999999999")


@pytest.mark.parametrize("provider", ["slack", "discord"])
def test_what_is_forged_is_refused_and_runs_nothing(chatting: Project, inbox: HttpInbox, provider: str) -> None:
    says = slack_says if provider == "slack" else discord_says
    user = DANA if provider == "slack" else DISCORD_DANA
    wish = {"text": "build good"} if provider == "slack" else {"data": picked("build", package="good")}
    for flaw in FLAWS:
        assert says(inbox, chatting, "command", user=user, flaw=flaw, **wish)["status"] == 401, flaw
    assert chatting.items("/api/builds") == []
    entries = chatting.call("audit", "list", "--json").must().json["items"]
    assert [entry["event_type"] for entry in entries] == ["command.rejected"] * len(FLAWS)


def test_slack_and_discord_find_what_they_look_for_when_the_app_is_set_up(chatting: Project, inbox: HttpInbox) -> None:
    challenged = slack_says(inbox, chatting, "challenge")
    assert (challenged["status"], challenged["body"]) == (200, {"challenge": challenged["id"]})
    assert discord_says(inbox, chatting, "ping")["body"] == {"type": 1}
    assert discord_says(inbox, chatting, "ping", flaw="signature")["status"] == 401


def test_discord_s_command_is_answered_and_what_somebody_may_not_is_refused(chatting: Project, inbox: HttpInbox) -> None:
    answer = discord_says(inbox, chatting, "command", user=DISCORD_DANA, data=picked("build", package="good"))
    assert "Build queued" in answer["body"]["data"]["content"]
    wait_for(lambda: [m for m in inbox.received("987654321") if "good ok" in m.reading.title], "the end is not told")
    denied = discord_says(inbox, chatting, "command", user=DISCORD_DANA, data=picked("pause"))
    assert "needs the level admin" in denied["body"]["data"]["content"]
    assert denied["body"]["data"]["flags"] == 64
    stranger = discord_says(inbox, chatting, "command", user="200000000000000009", data=picked("status"))
    assert "may not" in stranger["body"]["data"]["content"]


def test_without_a_secret_the_routes_do_not_exist(project: Project, inbox: HttpInbox) -> None:
    channels = {"slack": {"bot_token": slack_api.BOT_TOKEN, "default_channel": "#builds", "allowed_users": [{"id": DANA}]}}
    project.configure(notifications={"channels": channels}, remote_control={"enabled": True})
    project.start()
    assert slack_says(inbox, project, "command", text="status", user=DANA)["status"] == 404
    assert discord_says(inbox, project, "ping")["status"] == 404
