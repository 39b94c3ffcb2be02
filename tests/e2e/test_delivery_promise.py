"""The promise: what was accepted survives whatever happens to the agent, and ends in exactly one visible state."""

from __future__ import annotations

import os
import signal
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from buildnet_cli.sandbox.inbox import Received
from tests.support.agent import Project, copy_example, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

KILLS = 10
FIRST_RETRY = timedelta(seconds=2.5), timedelta(seconds=7.5)  # 5 s, give or take half


def delivery_ids(received: list[Received]) -> dict[str, set[str]]:
    """By event, the ids under which it was delivered."""
    ids: dict[str, set[str]] = {}
    for got in received:
        ids.setdefault(got.body["id"], set()).add(got.headers["webhook-id"])
    return ids


def counted(project: Project) -> Counter[str]:
    """Deliveries by status, from their list."""
    return Counter(delivery["status"] for delivery in project.items("/api/deliveries"))


def until_settled(project: Project) -> None:
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending")


def test_a_broken_source_file_reaches_a_person_with_its_line(project: Project, inbox: HttpInbox) -> None:
    copy_example(project, inbox.hook("broken"))
    source = project.root / "libgreet" / "src" / "greet.c"
    lines = source.read_text().splitlines()
    number = next(number for number, line in enumerate(lines, 1) if "greeting, name" in line)
    lines[number - 1] = lines[number - 1].replace("greeting", "greting", 1)
    source.write_text("\n".join(lines) + "\n")
    project.start()
    waited = project.call("cmd", "BUILD libgreet", "--wait").must(1)
    assert f"libgreet/src/greet.c:{number}" in waited.out

    (told,) = wait_for(lambda: [got for got in inbox.received("broken") if got.body["type"] == "build.failed"], "nobody was told")
    error = told.body["payload"]["error"]
    assert (told.body["subject"], told.body["priority"]) == ("libgreet", "high")
    assert (error["file"], error["line"]) == ("libgreet/src/greet.c", number)
    assert "greting" in error["headline"]

    listed = project.call("history", "builds").must().out
    assert listed.split("\t")[1:3] == ["libgreet", "failed"]
    assert "greting" in listed
    (build,) = project.call("history", "builds", "--json").must().json["items"]
    assert build["id"] == told.body["payload"]["id"]
    assert build.keys() >= {"id", "package", "status", "tier", "queued_at", "started_at", "finished_at", "duration_ms"}
    assert (build["status"], build["tier"], build["error"]["line"]) == ("failed", "FullBuild", number)
    shown = project.call("history", "show", build["id"], "--json").must().json
    assert f"greet.c:{number}:" in shown["log"]


def test_a_kill_between_acceptance_and_delivery_loses_nothing(project: Project, inbox: HttpInbox) -> None:
    """Ten times, with a receiver that hangs, refuses or takes it: no event is missing, each keeps its delivery id."""
    project.configure(**webhook(inbox.hook("killed")))
    accepted = []
    for number in range(KILLS):
        inbox.script("killed", *(["hang"] * 9, [503] * 9, [])[number % 3])
        before = len(inbox.received("killed"))
        pid = project.start()
        accepted += [project.emit(message=f"{number}.{part}", subject=f"s{number}.{part}") for part in range(3)]
        if number % 2:
            wait_for(lambda: len(inbox.received("killed")) > before, "no delivery was begun")  # noqa: B023  (called at once)
        project.kill(pid)
    inbox.script("killed")
    project.make_due()
    project.start()
    until_settled(project)
    told = delivery_ids([got for got in inbox.received("killed") if got.body["type"] == "custom.test"])
    assert sorted(told) == sorted(accepted)
    assert [ids for ids in told.values() if len(ids) != 1] == []
    assert len(set.union(*told.values())) == len(accepted)
    (sum_,) = project.rows("SELECT amount FROM ledger WHERE entry = 'accepted'")[0]
    assert counted(project) == {"delivered": sum_}


def test_a_regular_stop_in_the_middle_loses_nothing_and_repeats_nothing(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("stopped")))
    accepted: list[str] = []
    for number in range(3):
        pid = project.start()
        events = [{"type": "custom.test", "subject": str(part), "message": f"{number}.{part}"} for part in range(40)]
        answer = project.ask("POST", "/api/events", events)
        accepted += [item["id"] for item in answer.body["items"]]
        os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not project.agents(), "it does not end")
    project.start()
    until_settled(project)
    told = [got.body["id"] for got in inbox.received("stopped") if got.body["type"] == "custom.test"]
    assert sorted(told) == sorted(accepted)


def test_what_is_emitted_without_an_agent_is_told_by_the_next_one(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("spooled")))
    emitted = project.call("emit", "custom.test", "-m", "before the start", "--json").must().json
    assert emitted["status"] == "spooled"
    told = project.call("emit", "custom.test", "-m", "a second").must().out
    assert "agent start" in told
    project.start()
    got = project.until_heard(inbox, "spooled", emitted["id"])
    assert (got.body["message"], got.body["source"]) == ("before the start", "cli")
    until_settled(project)
    assert len([got for got in inbox.received("spooled") if got.body["type"] == "custom.test"]) == 2
    assert not list((project.state / "spool").glob("*.json"))


def test_a_failed_attempt_stays_pending_and_is_made_again(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("flaky")))
    pid = project.start()
    until_settled(project)
    inbox.script("flaky", 503)
    begun = datetime.now(UTC)
    event = project.emit(message="try me again")
    wait_for(lambda: "503" in project.items(f"/api/deliveries?event={event}")[0]["answer"], "the refusal is not noted")
    (delivery,) = project.items(f"/api/deliveries?event={event}")
    due = datetime.fromisoformat(delivery["next_attempt_at"])
    assert (delivery["status"], delivery["attempts"]) == ("pending", 1)
    soonest, latest = FIRST_RETRY
    assert soonest <= due - begun <= latest + timedelta(seconds=2)
    assert "webhook failing" in project.call("status").must().out
    project.kill(pid)
    project.make_due()
    project.start()
    until_settled(project)
    first, second = [got for got in inbox.received("flaky") if got.body["id"] == event]
    assert (first.answered, second.answered) == (503, 200)
    assert first.headers["webhook-id"] == second.headers["webhook-id"] == delivery["id"]
    assert [got.headers["x-delivery-attempt"] for got in (first, second)] == ["1", "2"]


def test_what_is_refused_for_good_is_dead_with_the_answer_kept(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("picky")))
    project.start()
    until_settled(project)
    inbox.script("picky", {"status": 400, "text": "no such room"})
    event = project.emit(message="nobody wants this")
    until_settled(project)
    (delivery,) = project.items(f"/api/deliveries?event={event}")
    assert (delivery["status"], delivery["attempts"], delivery["next_attempt_at"]) == ("dead", 1, None)
    assert "400" in delivery["answer"]
    assert len([got for got in inbox.received("picky") if got.body["id"] == event]) == 1
    assert "1 dead" in project.call("status").must().out


def test_an_event_that_nobody_is_to_hear_is_kept_with_the_reason(project: Project) -> None:
    project.configure(reports={})
    project.start()
    event = project.emit(message="into the void")
    assert project.items(f"/api/deliveries?event={event}") == []
    assert "no recipient" in str(project.call("history", "show", event, "--json").must().json)


def test_accepted_is_the_sum_of_all_states_at_all_times(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("sum"), timeout_secs=1))
    project.start()
    inbox.script("sum", 200, 503, 400, "hang", 200, 404, 410)
    events = [{"type": "custom.test", "subject": str(number), "message": str(number)} for number in range(20)]
    assert project.ask("POST", "/api/events", events).status == 202
    for _ in range(5):
        (accepted,) = project.rows("SELECT amount FROM ledger WHERE entry = 'accepted'")[0]
        states = project.status()["deliveries"]
        assert sum(states.values()) == accepted == 21
    wait_for(lambda: project.status()["deliveries"]["dead"] >= 3, "the refusals are not noted")
