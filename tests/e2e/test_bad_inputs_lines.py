"""The values of tests/data/bad_inputs.yaml that would end a line: in every request, answer, log and stream they stay a text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from websockets.sync.client import unix_connect

from buildnet_cli.sandbox import smtp, twilio
from buildnet_cli.sandbox.inbox import Received
from buildnet_cli.sandbox.slack import routes as slack
from tests.support.agent import Answer, Project, ask, new_project, wait_for
from tests.support.bad_inputs import Case, cases
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

HOOK, PHONE, ROOM, MAILBOX = "lines", "+14155550123", "C0123456789", "lines@example.com"
EVERYBODY = (HOOK, PHONE, ROOM, MAILBOX)
INJECTED = "Injected"

CASES = [case for case in cases(surface="line") if "place" in case.input]
DRIVEN = {
    "email_subject",
    "email_display_name",
    "email_message_id",
    "smtp_recipient",
    "webhook_header_value",
    "http_response_header",
    "log_line",
    "sse_or_ws_frame",
    "twilio_body_param",
    "slack_thread_ts",
}


@dataclass
class Told:
    """What came of each case's event. ids: by case. frames: what a listener heard. answers: of the API."""

    project: Project
    inbox: HttpInbox
    ids: dict[str, str]
    frames: dict[str, dict[str, Any]]
    answers: dict[str, Answer]

    def to(self, recipient: str, case: Case) -> list[Received]:
        return [got for got in self.inbox.received(recipient) if _package(case) in json.dumps(got.body)]


def _package(case: Case) -> str:
    return f"pkg-{case.id.lower()}"


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Told]:
    """An agent that has told of every case, to a webhook, a telephone, a chat, a mailbox and a listener."""
    with new_project(tmp_path_factory.mktemp("lines")) as project:
        limits = {"max_per_minute": 100_000, "max_per_hour": 100_000}
        channels = {
            "webhooks": [{"name": "Lines", "url": inbox.hook(HOOK), "secret": "a-signing-secret-of-some-length"}],
            "sms": {
                "account_sid": twilio.ACCOUNT_SID,
                "auth_token": twilio.AUTH_TOKEN,
                "from_number": twilio.FROM_NUMBER,
                "base_url": inbox.url + twilio.PREFIX,
                "recipients": [{"phone": PHONE, "name": "Lead"}],
            },
            "email": {
                "smtp": {
                    "host": "127.0.0.1",
                    "port": inbox.smtp_port,
                    "username": smtp.USERNAME,
                    "password": smtp.PASSWORD,
                    "tls": False,
                },
                "from": "Builds <builds@example.com>",
                "recipients": [{"email": MAILBOX, "name": "Lines"}],
            },
            "slack": {"bot_token": slack.BOT_TOKEN, "base_url": f"{inbox.url}/slack/api", "channels": [{"id": ROOM}]},
        }
        project.configure(
            agent={"log": {"level": "debug"}},
            notifications={"debug": True, "settings": {"rate_limit": limits}, "channels": channels},
        )
        project.start()
        ids, frames, answers = {}, {}, {}
        with unix_connect(str(project.socket), uri="ws://localhost/ws/events") as socket:
            for case in CASES:
                value = case.input["value"]
                facts = {"package": _package(case), "reason": value, "error": {"headline": value, "tail": value}}
                ids[case.id] = project.emit("build.failed", message=value, subject=_package(case), payload=facts)
                project.emit("build.completed", message=value, subject=_package(case), payload=facts)
                answers[case.id] = ask(project.socket, "GET", f"/api/notifications/events?type={quote(value, safe='')}")
            ask(project.socket, "POST", "/api/events", raw=b'{"type": "x\\r\\nInjected: yes"}')
            while len(frames) < 2 * len(CASES):
                frame = json.loads(socket.recv(timeout=20))
                frames[frame["id"]] = frame
        told = Told(project, inbox, ids, frames, answers)
        for recipient in EVERYBODY:
            complaint = f"{recipient} was not told of all"
            wait_for(lambda to=recipient: all(len(told.to(to, case)) >= 2 for case in CASES), complaint, within_secs=60)
        yield told


def test_every_place_is_looked_at() -> None:
    assert {case.input["place"] for case in CASES} == DRIVEN


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
def test_no_value_becomes_a_header_or_a_line(case: Case, told: Told) -> None:
    """Whatever the place that a case names, its value went through all of them."""
    for recipient in EVERYBODY:
        got = told.to(recipient, case)
        assert got
        for name in case.expect["absent_headers"]:
            assert not [each for each in got if name.lower() in {header.lower() for header in each.headers}]
            assert not [each for each in got if isinstance(each.body, dict) and name in each.body]
    (heard,) = [got for got in told.inbox.received(HOOK) if got.body["id"] == told.ids[case.id]]
    assert heard.body == told.frames[told.ids[case.id]]
    assert INJECTED in heard.body["message"]
    posts = told.to(ROOM, case)
    first = next(each for each in posts if not each.thread and not each.replaces)
    assert {each.thread for each in posts if each.thread} == {first.number}, "an answer belongs to its own first message"
    answer = told.answers[case.id]
    assert INJECTED.lower() not in {name.lower() for name in answer.headers}
    assert answer.status == 422
    texts = [path.read_text("utf-8") for path in (told.project.state / "logs").glob("*") if path.is_file()]
    lines = [line for text in texts for line in text.splitlines()]
    assert lines
    for start in case.expect["absent_log_line_start"]:
        assert not [line for line in lines if line.startswith(start)]
    assert all(isinstance(json.loads(line), dict) for text in texts for line in text.split("\n") if line)


ENDING = sorted({case.input["value"] for case in CASES} - {"x Injected: yes"})
MAIL: dict[str, Any] = {"smtp": {"host": "127.0.0.1"}, "from": "builds@example.com"}
WRITTEN: dict[str, Callable[[str], dict[str, Any]]] = {
    "X-Team": lambda value: {"webhooks": [{"name": "Lines", "url": "https://a.example/x", "headers": {"X-Team": value}}]},
    "email.from": lambda value: {"email": {**MAIL, "from": f"{value} <builds@example.com>"}},
    "recipients[0].email": lambda value: {"email": {**MAIL, "recipients": [{"email": f"{value}@example.com"}]}},
}


@pytest.mark.parametrize("value", ENDING)
@pytest.mark.parametrize("place", WRITTEN)
def test_what_would_end_a_header_s_line_is_refused_where_it_is_written(place: str, value: str, project: Project) -> None:
    project.configure(notifications={"channels": WRITTEN[place](value)})
    ran = project.call("config", "validate").must(3)
    assert place in ran.out + ran.err
    assert not [line for line in (ran.out + ran.err).splitlines() if line.startswith(INJECTED)]


def test_nothing_is_lost(told: Told) -> None:
    states = told.project.rows("SELECT DISTINCT status FROM deliveries")
    assert {state for (state,) in states} <= {"delivered", "pending", "suppressed"}
    assert told.project.call("doctor", "--json").json["items"][-1]["result"] == "ok"
