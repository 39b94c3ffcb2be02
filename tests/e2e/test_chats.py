"""One problem in the chats: a message that says how things stand, and below it what happened since."""

from __future__ import annotations

import json

import pytest

from buildnet_cli.messages.gsm7 import segments
from buildnet_cli.sandbox import telegram, twilio
from buildnet_cli.sandbox.discord.routes import BOT_TOKEN as DISCORD_TOKEN
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.slack.routes import BOT_TOKEN as SLACK_TOKEN
from tests.support.agent import Project, ask, wait_for
from tests.support.bad_inputs import cases, event_body
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


def test_a_very_long_message_fits_into_every_chat_and_telephone(project: Project, inbox: HttpInbox) -> None:
    (case,) = (case for case in cases(surface="event") if case.id == "EVT-035")
    phone, chat, room = "+14155550123", "-1001000000035", {"slack": "C0LONG", "discord": "100000000000000035"}
    everything = {"events": ["*"], "name": "all"}
    channels = {
        "slack": {
            "bot_token": SLACK_TOKEN,
            "channels": [{"id": room["slack"], **everything}],
            "base_url": f"{inbox.url}/slack/api",
        },
        "discord": {
            "bot_token": DISCORD_TOKEN,
            "channels": [{"id": room["discord"], **everything}],
            "base_url": f"{inbox.url}/discord/api/v10",
        },
        "telegram": {
            "bot_token": telegram.TOKEN,
            "chats": [{"id": chat, **everything}],
            "base_url": f"{inbox.url}{telegram.PREFIX}",
        },
        "sms": {
            "provider": "twilio",
            "account_sid": twilio.ACCOUNT_SID,
            "auth_token": twilio.AUTH_TOKEN,
            "from_number": twilio.FROM_NUMBER,
            "base_url": f"{inbox.url}{twilio.PREFIX}",
            "recipients": [{"phone": phone, **everything}],
        },
    }
    project.configure(notifications={"channels": channels})
    project.start()
    inbox.clear()
    answer = ask(project.socket, "POST", "/api/events", raw=event_body(case))
    event = answer.body["items"][0]["id"]

    def ended() -> list[dict[str, object]]:
        told = project.items(f"/api/deliveries?event={event}")
        return told if len(told) == len(channels) and all(each["status"] == "delivered" for each in told) else []

    wait_for(ended, "not every channel took it")
    told = {got.recipient: got.body for got in inbox.received() if "FAILED" in json.dumps(got.body)}
    assert set(case.expect["check"]) == channels.keys(), "these limits are the corpus' own"
    assert segments(told[phone]["Body"]) <= 3
    assert len(told[chat]["text"]) <= 4096
    assert len(told[room["discord"]]["embeds"][0]["description"]) <= 2000
    (attachment,) = told[room["slack"]]["attachments"]
    assert all(len(block["text"]["text"]) <= 3000 for block in attachment["blocks"] if "text" in block)
    for text in (told[phone]["Body"], told[chat]["text"], attachment["blocks"][0]["text"]["text"]):
        assert "long long" in text, "as much as there is room for"


def four(messages: list[Received]) -> list[Received] | None:
    return messages if len(messages) == 4 else None
