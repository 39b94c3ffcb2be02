"""`send-test`: one row per recipient, with the agent and without it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from buildnet_cli.sandbox import telegram, twilio
from tests.support.agent import Project, new_project, on_terminal
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

SMS = {
    "account_sid": twilio.ACCOUNT_SID,
    "auth_token": twilio.AUTH_TOKEN,
    "from_number": twilio.FROM_NUMBER,
    "recipients": [{"phone": "+14155550123", "name": "Lead", "events": ["*"]}],
}
TELEGRAM = {"bot_token": telegram.TOKEN, "chats": [{"id": "4030", "name": "Blocked"}, {"id": "-1001234567890", "name": "Group"}]}


@pytest.fixture(scope="module", params=[True, False], ids=["with an agent", "without"])
def sending(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """A project with recipients of every fortune."""
    with new_project(tmp_path_factory.mktemp("sending")) as project:
        hooks = [
            {"name": "Well", "url": inbox.hook("well"), "events": ["*"]},
            {"name": "Ill", "url": inbox.hook("ill"), "events": ["*"]},
            {"name": "Gone", "url": "http://127.0.0.1:1/nobody-listens-here", "events": ["*"]},
        ]
        sms = {**SMS, "base_url": inbox.url + twilio.PREFIX}
        bot = {**TELEGRAM, "base_url": inbox.url + telegram.PREFIX}
        project.configure(notifications={"channels": {"webhooks": hooks, "sms": sms, "telegram": bot}})
        if request.param:
            project.start()
        yield project


ENDS = [
    (["--to", "Well"], 0),
    (["--channel", "Well"], 0),
    (["--to", "Ill"], 1),
    (["--to", "Gone"], 1),
    (["--channel", "Well", "--channel", "Ill"], 8),
    (["--channel", "webhook"], 8),
    (["--all"], 8),
    ([], 8),
    (["--channel", "sms"], 0),
    (["--channel", "telegram"], 8),
    (["--channel", "nobody"], 2),
    (["--to", "nobody"], 9),
    (["--event", "No Such"], 2),
]


@pytest.mark.parametrize(("args", "code"), ENDS, ids=[" ".join(args) or "nothing" for args, _ in ENDS])
def test_the_exit_code_says_how_many_were_reached(args: list[str], code: int, sending: Project, inbox: HttpInbox) -> None:
    inbox.script("ill", *[400] * 9)
    sending.call("send-test", *args).must(code)


def test_the_table_shows_what_each_said(sending: Project, inbox: HttpInbox) -> None:
    inbox.script("ill", {"status": 400, "text": "no such room"})
    message = f"Hello from {sending.root}"
    ran = sending.call("send-test", "--message", message).must(8)
    rows = {row.split("\t")[1]: row.split("\t") for row in ran.out.splitlines() if "\t" in row}
    assert {name: row[2] for name, row in rows.items()} == {
        "Well": "delivered",
        "Ill": "failed",
        "Gone": "failed",
        "Lead": "delivered",
        "Blocked": "failed",
        "Group": "delivered",
    }
    assert re.fullmatch(r"SM[0-9a-f]{2}… queued, 1 segment", rows["Lead"][4])
    assert rows["Blocked"][4] == "403: the person has blocked the bot"
    assert "ask Blocked to unblock it" in ran.out
    assert "400" in rows["Ill"][4]
    assert "127.0.0.1" in rows["Gone"][4]
    assert ran.out.splitlines()[-1] == "3 of 6 delivered"
    (got,) = [got for got in inbox.received("well") if got.body["message"] == message]
    assert got.body["source"] == "send-test"


def test_on_a_terminal_it_has_a_heading(sending: Project) -> None:
    shown = on_terminal(sending, "send-test", "--to", "Well", env={"TERM": "dumb"})
    assert shown.code == 0
    assert shown.out.split()[:5] == ["CHANNEL", "TO", "RESULT", "TIME", "DETAIL"]


def test_it_leaves_no_row(sending: Project) -> None:
    sending.call("send-test", "--to", "Well").must()
    events = sending.call("history", "events", "--json").must().json["items"]
    assert [event for event in events if event["type"] == "custom.test"] == []


def test_a_configuration_without_channels_says_so(project: Project) -> None:
    project.configure(reports={})
    assert "no channel is configured" in project.call("send-test").must(9).err


def test_a_broken_configuration_is_told_with_its_line(project: Project) -> None:
    project.configure("notifications:\n  channels: 5\n")
    assert "notifications.yaml:2:13" in project.call("send-test").must(3).err
