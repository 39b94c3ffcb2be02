"""The bad events of tests/data/bad_inputs.yaml, each handed in over the socket and on the command line's stdin."""

from __future__ import annotations

import concurrent.futures
import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.agent import Answer, Project, ask, is_alive, new_project, wait_for, webhook
from tests.support.bad_inputs import Case, cases, event_body
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

HOOK = "bad-events"
SECRET = "CANARY-SLACK-TOKEN"

EVENTS = {case.id: case for case in cases(surface="event")}
ONE_BY_ONE = [case for case in EVENTS.values() if "burst" not in case.input]
LITERAL = {"EVT-029", "EVT-033", "EVT-037"}


@pytest.fixture(scope="module")
def agent(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> Iterator[Project]:
    """An agent that tells everything to a JSON hook, and to two that stand in for chats."""
    with new_project(tmp_path_factory.mktemp("events")) as project:
        sections = webhook(inbox.hook(HOOK), auth={"type": "bearer", "token": "${BN_TOKEN}"})
        hooks = sections["notifications"]["channels"]["webhooks"]
        hooks += [{"name": form, "url": inbox.hook(f"{HOOK}-{form}"), "format": form} for form in ("slack", "discord")]
        sections["notifications"]["settings"]["priorities"] = {
            priority: {"channels": ["webhook"], "override_quiet_hours": True}
            for priority in ("low", "medium", "high", "critical")
        }
        project.configure(**sections)
        project.start(BN_TOKEN=SECRET)
        yield project


def stored(project: Project) -> int:
    return int(project.rows("SELECT count(*) FROM events")[0][0])


def hand_in(project: Project, body: bytes) -> Answer:
    """The bytes as they are, over the agent's socket."""
    return ask(project.socket, "POST", "/api/events", raw=body)


def written(project: Project) -> str:
    """Everything the agent has written down."""
    files = [path for path in project.state.rglob("*") if path.is_file() and path.suffix != ".yaml"]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files)


@pytest.mark.parametrize("case", ONE_BY_ONE, ids=lambda case: case.id)
def test_a_bad_event_over_http_is_met_as_it_should_be(case: Case, agent: Project, inbox: HttpInbox) -> None:
    before = stored(agent)
    answer = hand_in(agent, event_body(case))
    text = json.dumps(answer.body)
    assert answer.status in (case.statuses or {202}) | ({202} if case.id in LITERAL else set()), text
    assert not case.missing_in(text, "error_has"), text
    assert not case.unwanted_in(text)
    if answer.status != 202:
        assert stored(agent) == before
        assert len(text) < 1000
        return
    event = answer.body["items"][0]["id"]
    heard = agent.until_heard(inbox, HOOK, event).body
    for field, wanted in case.expect.get("result", {}).items():
        if field != "received_at":
            assert heard[field] == wanted


@pytest.mark.parametrize("case", ONE_BY_ONE, ids=lambda case: case.id)
def test_a_bad_event_on_stdin_is_met_as_it_should_be(case: Case, agent: Project) -> None:
    before = stored(agent)
    ran = agent.call("emit", "-", stdin_bytes=event_body(case))
    text = ran.out + ran.err
    assert ran.code in (case.exit_codes or {0}), text
    if ran.code:
        assert not case.missing_in(text, "error_has"), text
        assert stored(agent) == before
        assert len(text) < 1000
    assert not case.unwanted_in(text)


def test_the_same_id_twice_is_one_event_told_once(agent: Project, inbox: HttpInbox) -> None:
    case = EVENTS["EVT-040"]
    first, second = (hand_in(agent, event_body(case)).body["items"][0] for _ in range(2))
    assert first == second
    agent.until_heard(inbox, HOOK, first["id"])
    agent.until_heard(inbox, HOOK, agent.emit(message="the next"))
    assert sum(got.body["id"] == first["id"] for got in inbox.received(HOOK)) == case.expect["delivered_per_recipient"]


def test_order_and_retention_go_by_our_clock(agent: Project) -> None:
    id_ = hand_in(agent, event_body(EVENTS["EVT-027"])).body["items"][0]["id"]
    ((timestamp, accepted_at),) = agent.rows(f"SELECT timestamp, accepted_at FROM events WHERE id = '{id_}'")
    assert timestamp.startswith("2099")
    assert accepted_at < "2099"
    assert id_ in agent.call("history", "events", "-n", "1").must().out


def test_a_mass_ping_stays_text_in_a_chat(agent: Project, inbox: HttpInbox) -> None:
    id_ = hand_in(agent, event_body(EVENTS["EVT-029"])).body["items"][0]["id"]
    agent.until_heard(inbox, HOOK, id_)
    slack = wait_for(lambda: said(inbox, "slack", "channel"), "slack was not told")
    discord = wait_for(lambda: said(inbox, "discord", "channel"), "discord was not told")
    obeyed = interpreted(json.loads(slack))
    assert "&lt;!channel&gt;" in obeyed
    assert "<!channel>" not in obeyed
    assert "<@U123>" not in obeyed
    assert json.loads(discord)["allowed_mentions"]["parse"] == []


def said(inbox: HttpInbox, form: str, word: str) -> str:
    """The newest message to a chat that has a word, as text."""
    bodies = [json.dumps(got.body, ensure_ascii=False) for got in inbox.received(f"{HOOK}-{form}")]
    return next((body for body in reversed(bodies) if word in body), "")


def interpreted(part: Any) -> str:
    """The texts in which Slack looks for mentions: all but those that are plain."""
    if isinstance(part, list):
        return "\n".join(interpreted(each) for each in part)
    if isinstance(part, dict):
        return "" if part.get("type") == "plain_text" else interpreted(list(part.values()))
    return str(part)


def test_what_turns_text_around_is_shown_and_not_obeyed(agent: Project) -> None:
    case = EVENTS["EVT-033"]
    hand_in(agent, event_body(case))
    shown = agent.call("history", "events", "-n", "5").must().out
    assert not case.missing_in(shown, "output_has"), shown
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in shown


def test_a_secret_in_a_message_is_seen_nowhere(agent: Project, inbox: HttpInbox) -> None:
    case = EVENTS["EVT-037"]
    id_ = hand_in(agent, event_body(case)).body["items"][0]["id"]
    heard = agent.until_heard(inbox, HOOK, id_)
    wait_for(lambda: said(inbox, "slack", "token is") and said(inbox, "discord", "token is"), "the chats were not told")
    shown = agent.call("history", "events", "-n", "3").must().out
    for text in (json.dumps(heard.body), said(inbox, "slack", "token is"), said(inbox, "discord", "token is"), shown):
        assert "***" in text.replace("\\", "")
        assert SECRET not in text
    assert SECRET not in written(agent)


# What else a careless producer sends. Each is refused with these words, or taken: 202.
MORE: list[tuple[Any, int, str]] = [
    (b"", 400, "no JSON"),
    (b"null", 422, "null"),
    (b"[]", 400, "1 to 1000"),
    (b"[" + b'{"type":"custom.a"},' * 1000 + b'{"type":"custom.a"}]', 400, "1001"),
    (b'{"type":"custom.a"}{"type":"custom.b"}', 400, "no JSON"),
    (b'{"type":"custom.a","payload":{"n":NaN}}', 422, "payload.n"),
    (b'{"type":"custom.a","payload":{"n":1e999}}', 422, "payload.n"),
    (b'{"type":"custom.a","payload":{"n":' + b"9" * 5000 + b"}}", 400, "no JSON"),
    (b'{"type":"custom.a","payload":{"n":-9223372036854775809}}', 422, "payload.n"),
    (b'{"type":"custom.a","payload":' + b'{"a":' * 33 + b"1" + b"}" * 34, 422, "nested"),
    (b'{"type":"custom.a","payload":{"\\u0000":"\\u0000"}}', 202, ""),
    (b'{"type":"custom.a","payload":{"\\ud800":"\\udfff"}}', 202, ""),
    (b'{"type":"custom.a","subject":"\\ud83d"}', 202, ""),
    (b'{"type":"custom.a","subject":"a\\u2028b"}', 422, "subject"),
    (b'{"type":"custom.a","message":7}', 422, "message"),
    (b'{"type":true}', 422, "type"),
    (b'{"type":"custom.' + b"a" * 200 + b'"}', 422, "type"),
    (b'{"type":"custom.a","priority":1}', 422, "priority"),
    (b'{"type":"custom.a","timestamp":"0000-00-00T00:00:00Z"}', 422, "timestamp"),
    (b'{"type":"custom.a","timestamp":"9999-12-31T23:59:59-23:59"}', 422, "timestamp"),
    (b'{"type":"custom.a","timestamp":"0001-01-01T00:00:00+14:00"}', 422, "timestamp"),
    (b'{"type":"custom.a","timestamp":"2024-01-26T12:00:00"}', 422, "RFC 3339"),
    (b'{"type":"custom.a","id":"../../etc/passwd"}', 422, "id"),
    (b'{"type":"custom.a","subject":"../../etc/passwd"}', 202, ""),
    (b'{"type":"custom.a","message":"{{7*7}} %s ${HOME}"}', 202, ""),
    (b'{"type":"custom.a","mesage":"x"}', 422, "did you mean"),
    (b'{"type":"custom.a","message":"' + b"x" * (5 << 20) + b'"}', 413, "4 MiB"),
]


@pytest.mark.parametrize(("body", "status", "words"), MORE, ids=[body[:40].decode() or "empty" for body, _, _ in MORE])
def test_whatever_else_is_handed_in_is_taken_or_refused_in_words(
    body: bytes, status: int, words: str, agent: Project, inbox: HttpInbox
) -> None:
    answer = hand_in(agent, body)
    text = json.dumps(answer.body)
    assert answer.status == status, text[:500]
    assert words in text
    assert len(text) < 1000
    if status == 202:
        agent.until_heard(inbox, HOOK, answer.body["items"][0]["id"])
    begun = time.monotonic()
    assert agent.ask("GET", "/health").status == 200
    assert time.monotonic() - begun < 5


def test_a_burst_is_stored_whole_or_refused_with_a_time_to_come_back(agent: Project) -> None:
    """The full burst is the benchmark's; this one is as wide and not as long."""
    case = EVENTS["EVT-044"]
    each, clients = 100, case.input["burst"]["concurrency"]
    pid = agent.status()["pid"]

    def produce(client: int) -> list[str]:
        taken = []
        for number in range(each):
            id_ = f"burst-{client}-{number}"
            answer = ask(agent.socket, "POST", "/api/events", {"type": "custom.burst", "id": id_, "priority": "low"})
            assert answer.status in case.statuses
            assert answer.status == 202 or "retry-after" in {name.lower() for name in answer.headers}
            taken += [id_] if answer.status == 202 else []
        return taken

    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        taken = {id_ for ids in pool.map(produce, range(clients)) for id_ in ids}
    kept = {key for (key,) in agent.rows("SELECT key FROM events WHERE key LIKE 'burst-%'")}
    assert taken <= kept
    assert is_alive(pid)
    assert peak_mb(pid) <= case.expect["max_rss_mb"]


def peak_mb(pid: int) -> float:
    found = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1024
