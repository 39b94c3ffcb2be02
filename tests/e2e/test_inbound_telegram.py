"""Commands written to the Telegram bot: asked for and posted, by people who may, once each, and by nobody who shouldn't."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from buildnet_cli.sandbox import telegram
from tests.support.agent import Project, new_project, request, wait_for
from tests.support.http_inbox import HttpInbox
from tests.support.people import writes_to_bot

pytestmark = pytest.mark.e2e

DANA, SAM, STRANGER = 42, 43, 666
ROUTE = "/api/notifications/telegram/webhook"
SECRET = "a-secret-that-only-telegram-has_1"


def section(inbox: HttpInbox, **more: Any) -> dict[str, Any]:
    people = [
        {"id": str(DANA), "name": "Dana", "commands": ["*"]},
        {"id": str(SAM), "name": "Sam", "commands": ["status", "build"]},
    ]
    return {
        "bot_token": telegram.TOKEN,
        "base_url": inbox.url + telegram.PREFIX,
        "chats": [{"id": "-1001234567890", "name": "builds", "events": ["daemon.error"]}],
        "allowed_users": people,
    } | more


@pytest.fixture
def writing(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """A project whose agent asks Telegram what was written to its bot."""
    with new_project(tmp_path_factory.mktemp("writing")) as project:
        inbox.clear()
        project.configure(notifications={"channels": {"telegram": section(inbox)}}, remote_control={"enabled": True})
        project.packages(good="echo fine", bad="echo 'main.c:3:5: error: no such thing' >&2; exit 1")
        project.start()
        yield project


def said_to(inbox: HttpInbox, who: int = DANA) -> list[str]:
    """What the bot has written to somebody."""
    return [str(received.body["text"]) for received in inbox.received(str(who)) if "text" in received.body]


def answer(inbox: HttpInbox, text: str, who: int = DANA) -> str:
    """What somebody is answered who writes to the bot."""
    before = len(said_to(inbox, who))
    writes_to_bot(inbox, who, text=text)
    return wait_for(lambda: said_to(inbox, who)[before:], f"{text!r} is not answered")[0]


def test_a_build_is_asked_for_and_its_end_is_told_later(writing: Project, inbox: HttpInbox) -> None:
    assert "Build queued for package 'bad'" in answer(inbox, "/build bad")
    told = wait_for(lambda: [text for text in said_to(inbox) if "bad" in text and "FAILED" in text], "the end is not told")
    assert len(told) == 1


def test_the_answer_comes_after_a_restart_too(writing: Project, inbox: HttpInbox) -> None:
    writing.call("cmd", "PAUSE").must()
    assert "waits for RESUME" in answer(inbox, "BUILD good")
    writing.call("agent", "restart").must()
    writing.call("cmd", "RESUME").must()
    wait_for(lambda: [text for text in said_to(inbox) if "good" in text and "ok" in text], "the end is not told")


def test_what_is_written_while_no_agent_runs_is_acted_on_once_it_does(writing: Project, inbox: HttpInbox) -> None:
    answer(inbox, "status")
    writing.call("agent", "stop").must()
    writes_to_bot(inbox, DANA, text="BUILD good")
    writing.start()
    wait_for(lambda: [text for text in said_to(inbox) if "Build queued" in text], "what was written is not acted on")
    writing.call("agent", "restart").must()
    wait_for(lambda: [text for text in said_to(inbox) if "good ok" in text], "the end is not told")
    assert len({build["run_id"] for build in writing.items("/api/builds")}) == 1, "an old update was acted on again"


def test_a_strong_command_asks_back_and_runs_once(writing: Project, inbox: HttpInbox) -> None:
    asked = answer(inbox, "/cache_clear")
    found = re.search(r"Reply YES (\d{6}) within", asked)
    assert found is not None, asked
    code = found[1]
    assert "does not match" in answer(inbox, "YES 000000" if code != "000000" else "YES 111111")
    assert "Cache cleared" in answer(inbox, f"YES {code}")
    assert "has been used" in answer(inbox, code)


def test_who_may_only_look_and_build_is_refused_the_rest(writing: Project, inbox: HttpInbox) -> None:
    assert "CANCEL needs the level build, which Sam does not have" in answer(inbox, "CANCEL good", SAM)
    assert "Build queued" in answer(inbox, "BUILD good", SAM)


def test_a_stranger_gets_silence_and_an_entry(writing: Project, inbox: HttpInbox) -> None:
    writes_to_bot(inbox, STRANGER, text="BUILD good")
    answer(inbox, "status")
    assert said_to(inbox, STRANGER) == []
    assert writing.items("/api/builds") == []
    entries = writing.call("audit", "list", "--json").must().json["items"]
    (entry,) = [each for each in entries if each["event_type"] == "command.rejected"]
    assert entry["source"] == {"channel": "telegram", "identifier": str(STRANGER), "authenticated": False}


def test_stop_is_answered_before_the_agent_ends(writing: Project, inbox: HttpInbox) -> None:
    asked = answer(inbox, "STOP")
    found = re.search(r"Reply YES (\d{6})", asked)
    assert found is not None, asked
    before = len(said_to(inbox))
    writes_to_bot(inbox, DANA, text=f"YES {found[1]}")
    told = wait_for(lambda: said_to(inbox)[before:], "STOP is not answered")
    assert "top" in told[0]
    wait_for(lambda: writing.call("status").code != 0, "the agent does not end")


def test_a_reload_listens_to_whoever_is_listed_now(writing: Project, inbox: HttpInbox) -> None:
    assert answer(inbox, "status")
    writing.configure(
        notifications={
            "channels": {"telegram": section(inbox, allowed_users=[{"id": str(SAM), "name": "Sam", "commands": ["*"]}])}
        },
        remote_control={"enabled": True},
    )
    writing.call("agent", "reload").must()
    writes_to_bot(inbox, DANA, text="BUILD good")
    assert answer(inbox, "status", SAM)
    assert writing.items("/api/builds") == []


def test_posted_updates_need_the_secret_and_run_once(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> None:
    with new_project(tmp_path_factory.mktemp("posted")) as project:
        inbox.clear()
        channel = section(inbox, mode="webhook", webhook_secret=SECRET)
        project.configure(notifications={"channels": {"telegram": channel}}, remote_control={"enabled": True})
        project.packages(good="echo fine")
        project.start()
        update = {
            "update_id": 7001,
            "message": {
                "message_id": 9,
                "date": 1_780_000_000,
                "from": {"id": DANA, "is_bot": False, "first_name": "Dana"},
                "chat": {"id": DANA, "type": "private"},
                "text": "/build good",
            },
        }

        def post(**headers: str) -> int:
            names = {name.replace("_", "-"): value for name, value in headers.items()}
            return request("POST", project.url + ROUTE, json.dumps(update).encode(), names).status

        proof = {"x_telegram_bot_api_secret_token": SECRET}
        forged = [{}, {"x_telegram_bot_api_secret_token": ""}, {"x_telegram_bot_api_secret_token": SECRET[:-1]}]
        assert [post(**headers) for headers in forged] == [401, 401, 401]
        assert project.items("/api/builds") == []
        assert [post(**proof), post(**proof)] == [200, 200]
        wait_for(lambda: any("Build queued" in text for text in said_to(inbox)), "it is not answered")
        assert len({build["run_id"] for build in project.items("/api/builds")}) == 1


def test_there_is_no_route_while_telegram_is_asked(writing: Project) -> None:
    assert request("POST", writing.url + ROUTE, b"{}", {"x-telegram-bot-api-secret-token": SECRET}).status == 404
