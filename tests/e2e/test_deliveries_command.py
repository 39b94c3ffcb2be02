"""`deliveries`: with an agent and without, for people and for programs."""

from __future__ import annotations

import pytest

from tests.support.agent import Project, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

FIELDS = {"id", "event_id", "channel", "recipient", "status", "reason", "attempts", "next_attempt_at", "answer"}


def a_dead_letter(project: Project, inbox: HttpInbox, hook: str) -> str:
    """One delivery that was refused for good; its id."""
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the start is not told")
    inbox.script(hook, {"status": 400, "text": "no such room"})
    event = project.emit(message="nobody wants this")
    wait_for(lambda: project.items(f"/api/deliveries?event={event}")[0]["status"] == "dead", "it is not refused")
    return str(project.items(f"/api/deliveries?event={event}")[0]["id"])


def test_a_dead_letter_is_listed_shown_and_redriven_through_the_agent(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("redriven")))
    project.start()
    dead = a_dead_letter(project, inbox, "redriven")
    (listed,) = project.call("deliveries", "list", "--failed", "--json").must().json["items"]
    assert listed.keys() >= FIELDS
    assert (listed["id"], listed["status"]) == (dead, "dead")
    assert project.call("deliveries", "list", "--failed", "--channel", "sms").must().out == "Nothing was given up\n"
    assert dead in project.call("deliveries", "list", "--failed", "--channel", "webhook:Team").must().out

    shown = project.call("deliveries", "show", dead).must().out
    assert "permanent" in shown
    assert "no such room" in shown

    retried = project.call("deliveries", "retry", dead, "--json").must().json
    assert (retried["schema"], retried["id"], retried["status"]) == ("buildnet-notify/delivery@1", dead, "pending")
    wait_for(lambda: project.ask("GET", f"/api/deliveries/{dead}").body["status"] == "delivered", "it is not redriven")
    tries = project.call("deliveries", "show", dead, "--json").must().json["tries"]
    assert [each["outcome"] for each in tries] == ["permanent", "delivered"]
    ids = {got.headers["webhook-id"] for got in inbox.received("redriven") if got.body["message"] == "nobody wants this"}
    assert ids == {dead}
    assert "delivered" in project.call("deliveries", "retry", dead).must(1).err
    assert "delivered" in project.call("deliveries", "cancel", dead).must(1).err


def test_everything_that_was_given_up_is_redriven_at_once(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("all")))
    project.start()
    dead = {a_dead_letter(project, inbox, "all") for _ in range(3)}
    answer = project.call("deliveries", "retry", "--failed", "--json").must().json
    assert {each["id"] for each in answer["items"]} == dead
    wait_for(lambda: not project.items("/api/deliveries?failed=true"), "they are still given up")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "they are not sent")


@pytest.mark.parametrize("is_running", [True, False])
def test_what_is_redriven_over_the_limits_is_held_for_a_summary(project: Project, inbox: HttpInbox, is_running: bool) -> None:
    project.configure(**webhook(inbox.hook("over")))
    project.start()
    wait_for(lambda: project.status()["deliveries"]["delivered"] == 1, "the start is not told")
    inbox.script("over", *[400] * 14)
    project.ask("POST", "/api/events", [{"type": "custom.over", "subject": f"s{number}"} for number in range(14)])
    wait_for(lambda: project.status()["deliveries"]["dead"] == 14, "they are not given up")
    project.call("agent", "stop").must()
    sections = webhook(inbox.hook("over"))
    sections["notifications"]["settings"]["rate_limit"] = {"max_per_minute": 10, "max_per_hour": 100}
    project.configure(**sections)
    if is_running:
        project.start()
    answer = project.call("deliveries", "retry", "--failed", "--json").must().json
    assert answer["count"] == 14
    assert answer["held"] > 0
    assert {each["reason"] for each in answer["items"] if each["status"] == "held"} == {"over 10 a minute; held for one summary"}
    assert "Nothing was given up" in project.call("deliveries", "retry", "--failed").must().out


def test_without_an_agent_it_reads_and_writes_and_says_that_nothing_is_sent(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("alone")))
    pid = project.start()
    dead = a_dead_letter(project, inbox, "alone")
    project.kill(pid)
    assert dead in project.call("deliveries", "list", "--failed").must().out
    retried = project.call("deliveries", "retry", "--failed").must()
    assert retried.out == "1 delivery to be tried again\n"
    assert "agent start" in retried.err
    assert "cancelled" in project.call("deliveries", "cancel", dead).must().out
    project.call("deliveries", "retry", dead).must()
    project.start()
    wait_for(lambda: project.ask("GET", f"/api/deliveries/{dead}").body["status"] == "delivered", "it is not redriven")


def test_a_refused_credential_is_seen_in_the_status_and_in_what_waits(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("locked")))
    project.start()
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the start is not told")
    inbox.script("locked", 401)
    events = [project.emit(message=str(number), subject=f"s{number}") for number in range(3)]
    wait_for(lambda: project.status()["targets"], "no trouble is seen")
    (trouble,) = project.status()["targets"]
    assert (trouble["target"], trouble["state"]) == ("webhook:Team", "held")
    assert "401" in trouble["answer"]
    assert "webhook held" in project.call("agent", "status").must().out
    assert "webhook:Team held" in project.call("status").must().out
    waiting = [each for each in project.items("/api/deliveries") if each["event_id"] in events]
    assert [each["status"] for each in waiting] == ["pending"] * 3
    assert all("webhook:Team is held" in each["reason"] for each in waiting)
    project.call("agent", "reload").must()
    wait_for(lambda: project.status()["deliveries"]["delivered"] >= 4, "it is still held after a reload")
    assert project.status()["targets"] == []


@pytest.mark.parametrize(
    ("args", "code", "complaint"),
    [
        (["retry"], 2, "--failed"),
        (["retry", "dlv_x", "--failed"], 2, "--failed"),
        (["retry", "dlv_x", "--channel", "sms"], 2, "--channel"),
        (["retry", "../x"], 9, "no delivery"),
        (["cancel", "dlv_x"], 9, "nothing has been recorded"),
        (["show", "dlv_x"], 9, "nothing has been recorded"),
    ],
)
def test_what_makes_no_sense_is_answered_with_a_sentence(project: Project, args: list[str], code: int, complaint: str) -> None:
    project.configure(reports={})
    assert complaint in project.call("deliveries", *args).must(code).err


def test_the_list_of_a_new_project_is_empty(project: Project) -> None:
    project.configure(reports={})
    assert project.call("deliveries", "list").must().out == "No deliveries yet\n"
    assert project.call("deliveries", "list", "--json").must().json["items"] == []
