"""`channels`, and what `doctor`, `deliveries` and `send-test` say of a channel that is refused, with the real program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import Project, new_project, on_terminal, wait_for
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

REVOKED = {"status": 404, "text": "no_service"}


@pytest.fixture(scope="module")
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def project(tmp_path: Path, inbox: HttpInbox) -> Iterator[Project]:
    inbox.clear()
    with new_project(tmp_path) as project:
        project.environ["HOOK_TOKEN"] = "a-token-nobody-may-see"
        configure(project, inbox)
        yield project


def configure(project: Project, inbox: HttpInbox, **settings: Any) -> None:
    hooks = [
        {"name": "Well", "url": inbox.hook("well"), "auth": {"token": "${HOOK_TOKEN}"}, "events": ["*"]},
        {"name": "Ill", "url": inbox.hook("ill"), "format": "slack", "events": ["build.*"]},
    ]
    sms = {"enabled": False, "recipients": [{"phone": "+14155550123", "name": "Lead"}]}
    project.configure(agent={"api": {"port": 0}}, notifications={"channels": {"webhooks": hooks, "sms": sms}, **settings})


def rows(project: Project) -> dict[str, dict[str, Any]]:
    return {row["name"]: row for row in project.call("channels", "list", "--json").must().json["items"]}


def test_without_an_agent_the_file_tells_what_is_there(project: Project) -> None:
    found = rows(project)
    assert list(found) == ["sms", "email", "webhook", "push", "slack", "discord", "telegram"]
    assert (found["webhook"]["enabled"], found["webhook"]["state"], found["webhook"]["credential"]) == (True, "untried", "set")
    assert found["webhook"]["credentials"]["[0].auth.token"] == "${HOOK_TOKEN}"
    assert (found["sms"]["state"], found["sms"]["credential"]) == ("off", "missing account_sid, auth_token, from_number")
    assert found["email"]["state"] == "off"
    shown = project.call("channels", "show", "sms").must().out
    assert "Lead (+1•••123)" in shown
    assert "a bare STOP" in shown


def test_no_credential_is_ever_shown(project: Project, inbox: HttpInbox) -> None:
    for line in ("channels list", "channels list --json", "channels show webhook", "channels show webhook --json", "doctor"):
        ran = project.call(*line.split())
        assert "a-token-nobody-may-see" not in ran.out + ran.err
        assert inbox.hook("well") not in ran.out + ran.err


def test_a_channel_is_found_by_its_names(project: Project) -> None:
    for word in ("webhook", "webhooks", "Well", "ill"):
        assert project.call("channels", "show", word, "--json").must().json["name"] == "webhook"
    ran = project.call("channels", "show", "webhok").must(2)
    assert "webhook" in ran.err


def test_a_refusal_is_explained_wherever_it_shows(project: Project, inbox: HttpInbox) -> None:
    inbox.script("ill", *[REVOKED] * 50)
    project.start()
    for number in range(6):
        project.emit("build.failed", subject=f"api{number}")
    wait_for(lambda: rows(project)["webhook"]["state"] == "gone", "not gone")
    listed = on_terminal(project, "channels", "list", env={"TERM": "dumb"}).out
    shown = project.call("channels", "show", "Ill").must().out
    checked = project.call("doctor").must(1).out
    (dead, *_) = project.call("deliveries", "list", "--failed", "--json").must().json["items"]
    delivery = project.call("deliveries", "show", dead["id"]).must().out
    for text in (listed, shown, checked, delivery):
        assert "no_service" in text
        assert "the webhook was removed or turned off" in text
        assert "make a new webhook in Slack" in text
    well = next(each for each in rows(project)["webhook"]["recipients"] if each["name"] == "Well")
    assert (well["state"], well["last_delivered_at"] is not None) == ("ok", True)


def test_a_test_message_s_refusal_stands_below_its_row(project: Project, inbox: HttpInbox) -> None:
    inbox.script("ill", REVOKED, REVOKED, REVOKED)
    shown = on_terminal(project, "send-test", env={"TERM": "dumb"})
    heading, well, ill, why, total = shown.out.split("\r\n")[:5]
    assert shown.code == 8
    assert heading.split() == ["CHANNEL", "TO", "RESULT", "TIME", "DETAIL"]
    assert well.split()[:3] == ["webhook", "Well", "delivered"]
    assert ill.split()[:3] == ["webhook", "Ill", "failed"]
    assert ill.endswith("no_service: the webhook was removed or turned off")
    assert why == "         → make a new webhook in Slack and set its URL"
    assert why.index("→") == ill.index("Ill")
    assert total == "1 of 2 delivered"
    (row,) = project.call("send-test", "--to", "Ill", "--json").must(1).json["items"]
    assert (row["code"], row["answer"]) == ("no_service", "127.0.0.1 answered 404: no_service")
    assert row["answer"] in project.call("send-test", "--to", "Ill", "-v").must(1).out


def test_what_is_only_shown_is_not_sent(project: Project, inbox: HttpInbox) -> None:
    ran = project.call("send-test", "--show", "--event", "build.failed", "--message", "api broke").must()
    assert ran.out.count("api broke") == 2
    assert "TEST" in ran.out
    assert ran.out.splitlines()[-1] == "nothing was sent"
    configure(project, inbox, dry_run=True)
    assert "dry_run is on" in project.call("send-test").must().out
    assert inbox.received() == []
