"""A person on a bus: commands by text message, with Twilio's signature; and nobody who shouldn't."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

from buildnet_cli.sandbox import twilio, twilio_calls
from tests.support.agent import Answer, Project, new_project, request, wait_for
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

DANA, STRANGER = "+14155550123", "+14155550999"
ROUTE = "/api/notifications/sms/inbound"


@pytest.fixture
def texting(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """A project whose agent takes text messages from Dana."""
    with new_project(tmp_path_factory.mktemp("texting")) as project:
        inbox.clear()
        sms = {
            "account_sid": twilio.ACCOUNT_SID,
            "auth_token": twilio.AUTH_TOKEN,
            "from_number": twilio.FROM_NUMBER,
            "base_url": inbox.url + twilio.PREFIX,
            "recipients": [{"phone": DANA, "name": "Dana", "events": ["build.failed"]}],
        }
        project.configure(
            notifications={"channels": {"sms": sms}}, remote_control={"enabled": True, "sms": {"allowed_numbers": [DANA]}}
        )
        project.packages(good="echo fine", bad="echo 'main.c:3:5: error: no such thing' >&2; exit 1")
        project.start()
        yield project


def post(project: Project, call: twilio_calls.Call) -> Answer:
    return request("POST", call.url, call.body, dict(call.headers))


def send(project: Project, text: str, sender: str = DANA, **fields: str) -> list[str]:
    """What somebody texts, and what is texted back at once."""
    answer = post(project, twilio_calls.text_message(f"{project.url}{ROUTE}", sender, text, **fields))
    assert answer.status == 200, answer
    assert answer.headers["content-type"].startswith("text/xml")
    return twilio_calls.answered(answer.body)


def texts(inbox: HttpInbox, phone: str = DANA) -> list[str]:
    return [received.body["Body"] for received in inbox.received(phone)]


def test_a_build_is_asked_for_and_its_end_is_told_later(texting: Project, inbox: HttpInbox) -> None:
    assert send(texting, "build bad") == ["Build queued for package 'bad'."]
    (told,) = wait_for(lambda: texts(inbox), "the end of the build is not told")
    assert told.startswith("bad FAILED")
    wait_for(lambda: texting.status()["deliveries"]["pending"] == 0, "something is pending")
    assert len(texts(inbox)) == 1, "the routed copy is suppressed: Dana was answered directly"
    suppressed = [each for each in texting.items("/api/deliveries") if each["status"] == "suppressed"]
    assert any("answered directly" in each["reason"] for each in suppressed)


def test_the_answer_comes_after_a_restart_too(texting: Project, inbox: HttpInbox) -> None:
    texting.call("cmd", "PAUSE").must()
    (queued,) = send(texting, "BUILD good")
    assert "waits for RESUME" in queued
    texting.call("agent", "restart").must()
    texting.call("cmd", "RESUME").must()
    (told,) = wait_for(lambda: texts(inbox), "the end of the build is not told")
    assert told.startswith("good ok")


def test_a_strong_command_asks_back_and_runs_once(texting: Project) -> None:
    (asked,) = send(texting, "CACHE CLEAR")
    found = re.search(r"Reply YES (\d{6}) within", asked)
    assert found is not None, asked
    code = found[1]
    wrong = "000000" if code != "000000" else "111111"
    assert "does not match" in send(texting, f"YES {wrong}")[0]
    assert send(texting, f"YES {code}")[0].startswith("Cache cleared")
    assert "has been used" in send(texting, code)[0]


def test_a_stranger_gets_silence_and_an_entry(texting: Project) -> None:
    assert send(texting, "STOP DAEMON", STRANGER) == []
    (entry, *_) = texting.call("audit", "list", "--json").must().json["items"]
    assert entry["source"] == {"channel": "sms", "identifier": STRANGER, "authenticated": False}
    assert (entry["event_type"], entry["result"]["reason"]) == ("command.rejected", "a stranger")


def test_what_is_forged_is_refused_and_written_down(texting: Project) -> None:
    url = f"{texting.url}{ROUTE}"
    genuine = twilio_calls.text_message(url, DANA, "BUILD bad")
    forged = [
        twilio_calls.Call(url, genuine.headers, genuine.body.replace(b"bad", b"good")),
        twilio_calls.Call(url, {**genuine.headers, "x-twilio-signature": "AAAA"}, genuine.body),
        twilio_calls.Call(url, {name: v for name, v in genuine.headers.items() if "signature" not in name}, genuine.body),
        twilio_calls.Call(f"{url}?x=1", genuine.headers, genuine.body),
        twilio_calls.text_message(url, DANA, "BUILD bad", AccountSid="AC" + "1" * 32),
        twilio_calls.text_message(url, DANA, "BUILD bad", To="+15005550001"),
    ]
    assert [post(texting, call).status for call in forged] == [403] * len(forged)
    assert texting.items("/api/builds") == []
    entries = texting.call("audit", "list", "--json").must().json["items"]
    assert [entry["event_type"] for entry in entries] == ["command.rejected"] * len(forged)


def test_a_message_that_twilio_sends_again_is_acted_on_once(texting: Project) -> None:
    call = twilio_calls.text_message(f"{texting.url}{ROUTE}", DANA, "BUILD good")
    first, again = post(texting, call), post(texting, call)
    texting.call("agent", "restart").must()
    moved = twilio_calls.text_message(f"{texting.url}{ROUTE}", DANA, "BUILD good", MessageSid=_sid_of(call))
    later = post(texting, moved)
    assert len(twilio_calls.answered(first.body)) == 1
    assert (twilio_calls.answered(again.body), twilio_calls.answered(later.body)) == ([], [])
    assert len({build["run_id"] for build in texting.items("/api/builds")}) == 1


def _sid_of(call: twilio_calls.Call) -> str:
    found = re.search(rb"&MessageSid=(\w+)", b"&" + call.body)
    assert found is not None
    return found[1].decode()


def test_a_bare_stop_is_the_carrier_s_and_never_ends_the_agent(texting: Project) -> None:
    assert send(texting, "stop") == []
    assert texting.status()["state"] == "running"
    events = [event for event in texting.items("/api/notifications/events") if event["type"] == "custom.sms.keyword"]
    assert [event["subject"] for event in events] == [DANA]


def test_without_remote_control_the_route_does_not_exist(project: Project) -> None:
    project.configure()
    project.start()
    call = twilio_calls.text_message(f"{project.url}{ROUTE}", DANA, "STATUS")
    assert post(project, call).status == 404
    assert request("POST", f"{project.url}/nowhere", b"", {}).status == 404


def test_the_quick_start_needs_only_numbers_and_the_environment(project: Project) -> None:
    project.configure(remote_control={"enabled": True, "sms": {"allowed_numbers": [DANA], "webhook_url": "/hooks/twilio"}})
    project.start(TWILIO_ACCOUNT_SID=twilio.ACCOUNT_SID, TWILIO_AUTH_TOKEN=twilio.AUTH_TOKEN)
    call = twilio_calls.text_message(f"{project.url}/hooks/twilio", DANA, "STATUS")
    answer = post(project, call)
    assert answer.status == 200
    assert twilio_calls.answered(answer.body)
    assert post(project, twilio_calls.text_message(f"{project.url}{ROUTE}", DANA, "STATUS")).status == 404
    assert twilio.AUTH_TOKEN not in json.dumps(project.status())
