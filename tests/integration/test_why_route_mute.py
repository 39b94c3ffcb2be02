"""`why`, `route test`, `mute` and `doctor`, with the real program, with and without an agent."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project, wait_for
from tests.support.http_inbox import HttpInbox, http_inbox

pytestmark = pytest.mark.integration

CONFIG = """
agent: {{api: {{listen: false}}}}
notifications:
  settings:
    quiet_hours:
      start: "22:00"
      end: "08:00"
      timezone: America/New_York
    priorities:
      low: {{channels: [slack]}}
  channels:
    webhooks:
      - name: Team
        url: {team}
        events: ["build.*"]
      - name: Ops
        url: {ops}
        events: ["*.critical"]
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with new_project(tmp_path) as project:
        yield project


@pytest.fixture
def inbox() -> Iterator[HttpInbox]:
    with http_inbox() as running:
        yield running


@pytest.fixture
def configured(project: Project, inbox: HttpInbox) -> Project:
    project.configure(CONFIG.format(team=inbox.hook("team"), ops=inbox.hook("ops")))
    return project


def test_route_test_says_who_would_hear_and_why_without_an_agent_or_a_trace(configured: Project) -> None:
    ran = configured.call("route", "test", "build.failed", "--at", "23:14", "--subject", "api").must()
    team, ops = ran.out.index("Team (webhook): would be held until"), ran.out.index("Ops (webhook): does not want it")
    assert team < ops
    assert "08:00:00" in ran.out
    assert "notifications.yaml:5:5" in ran.out
    night = configured.call("route", "test", "build.failed", "--at", "2024-01-27T04:14:00Z", "--json").must().json
    assert [(each["recipient"], each["decision"]) for each in night["items"]] == [("Team", "hold"), ("Ops", "not_wanted")]
    assert night["items"][0]["until"] == "2024-01-27T13:00:00.000Z"
    quiet = night["items"][0]["reasons"][-1]
    assert (quiet["stage"], quiet["key"]) == ("quiet_hours", "notifications.settings.quiet_hours")
    assert quiet["origin"].endswith("notifications.yaml:5:5")
    assert not (configured.state / "notify.db").exists()


@pytest.mark.parametrize(
    ("args", "decision"),
    [
        (["--priority", "critical", "--at", "2024-01-27T04:14:00Z"], "send"),
        (["--priority", "low"], "not_wanted"),
        (["--at", "2024-01-27T13:00:00Z"], "send"),
    ],
)
def test_route_test_follows_priority_and_time(configured: Project, args: list[str], decision: str) -> None:
    found = configured.call("route", "test", "build.failed", *args, "--json").must().json
    assert found["items"][0]["decision"] == decision


def test_route_test_refuses_what_is_no_type_or_time(configured: Project) -> None:
    assert "pattern" in configured.call("route", "test", "build.*").must(2).err
    assert "no time" in configured.call("route", "test", "build.failed", "--at", "noon").must(2).err


def test_why_says_what_became_of_an_event(configured: Project, inbox: HttpInbox) -> None:
    configured.call("why", "--last").must(9)
    configured.start()
    event = configured.emit("build.failed", subject="api", priority="critical")
    configured.until_heard(inbox, "team", event)
    wait_for(lambda: configured.status()["deliveries"]["delivered"] == 2, "it was not delivered")
    ran = configured.call("why", event).must()
    assert ran.out.startswith("build.failed api · critical · ")
    assert "Team (webhook): delivered" in ran.out
    last = configured.call("why", "--last", "--json").must().json
    assert last["event"]["id"] == event
    assert [each["decision"] for each in last["items"]] == ["delivered", "delivered"]
    stages = [reason["stage"] for reason in last["items"][0]["reasons"]]
    assert stages == ["match", "priority", "mute", "dedup", "quiet_hours", "batch", "order", "rate_limit"]
    again = configured.emit("build.failed", subject="api", priority="critical")
    assert "repeats within 5m are folded" in configured.call("why", again).must().out
    unheard = configured.emit("custom.note")
    assert "nobody heard of it: no recipient" in configured.call("why", unheard).must().out


def test_why_needs_one_event(configured: Project) -> None:
    configured.call("why").must(2)
    configured.call("why", "evt_1", "--last").must(2)


def test_why_still_answers_when_the_configuration_is_broken(configured: Project) -> None:
    configured.start()
    configured.emit("build.failed", subject="api")
    configured.config.write_text("notifications: {chanels: {}}\n")
    ran = configured.call("why", "--last").must()
    assert "Team (webhook)" in ran.out
    assert "cannot be read" in ran.err


@pytest.mark.parametrize("has_agent", [False, True])
def test_a_mute_is_added_listed_obeyed_and_removed(configured: Project, inbox: HttpInbox, has_agent: bool) -> None:
    if has_agent:
        configured.start()
    added = configured.call("mute", "add", "build.*", "--for", "2h", "--reason", "disk swap", "--json").must().json
    assert (added["pattern"], added["subject"], added["would_have_hidden"]) == ("build.*", None, {})
    assert added["id"] in configured.call("mute", "list").must().out
    if not has_agent:
        configured.start()
    event = configured.emit("build.failed", subject="api", priority="critical")
    assert "muted by" in configured.call("why", event).must().out
    assert configured.items(f"/api/deliveries?event={event}")[0]["status"] == "suppressed"
    if not has_agent:
        configured.call("agent", "stop").must()
    configured.call("mute", "remove", added["id"]).must()
    assert configured.call("mute", "list", "--json").must().json["items"] == []
    configured.call("mute", "remove", added["id"]).must(9)
    if not has_agent:
        configured.start()
    heard = configured.emit("build.failed", subject="api", priority="critical")
    configured.until_heard(inbox, "team", heard)


def test_emit_says_who_does_not_hear_of_it_at_once(configured: Project) -> None:
    configured.start()
    event = ("emit", "build.failed", "--priority", "critical")
    assert "webhook Team" in (out := configured.call(*event, "--package", "api").must().out)
    assert "(" not in out
    configured.call("mute", "add", "build.*", "--for", "2h", "--reason", "disk swap").must()
    assert "webhook Team (suppressed)" in configured.call(*event, "--package", "ui").must().out


def test_doctor_names_a_channel_that_refuses(configured: Project, inbox: HttpInbox) -> None:
    inbox.script("team", *[400] * 5)
    configured.start()
    configured.emit("build.failed", subject="api", priority="critical")
    wait_for(lambda: configured.status()["targets"], "the trouble is not seen")
    ran = configured.call("doctor").must(1)
    assert "webhook refusing" in ran.out
    inbox.clear()


def test_a_dry_run_and_a_verbose_log_begin_with_a_reload_and_are_seen(configured: Project, inbox: HttpInbox) -> None:
    configured.start()
    text = configured.config.read_text()
    configured.config.write_text(text.replace("notifications:\n", "notifications:\n  debug: true\n  dry_run: true\n", 1))
    reloaded = configured.call("agent", "reload").must()
    assert "nothing is sent" in reloaded.out + reloaded.err
    event = configured.emit("build.failed", subject="api", priority="critical", message="it never leaves")
    wait_for(lambda: configured.items(f"/api/deliveries?event={event}")[0]["status"] == "suppressed", "it is not suppressed")
    logged = configured.call("agent", "logs").must().out
    assert "it never leaves" in logged
    assert "routed build.failed" in logged
    assert not [got for got in inbox.received("team") if got.body["id"] == event]


def test_a_mute_shows_what_it_would_have_hidden(configured: Project) -> None:
    configured.start()
    for name in ("api", "ui", "api"):
        configured.emit("build.failed", subject=name)
    added = configured.call("mute", "add", "*.failed", "--for", "30m", "--reason", "x", "--subject", "api").must()
    assert "in the last day it would have hidden 2: build.failed ×2" in added.out


@pytest.mark.parametrize(
    ("args", "complaint"),
    [
        (["*", "--for", "2h", "--reason", "x"], "mute everything"),
        (["build.fail*", "--for", "2h", "--reason", "x"], "no event pattern"),
        (["build.*", "--for", "soon", "--reason", "x"], "needs an end"),
        (["build.*", "--for", "0s", "--reason", "x"], "no length for a mute"),
        (["build.*", "--for", "900d", "--reason", "x"], "up to 90 days"),
        (["build.*", "--for", "2h", "--reason", " "], "needs a reason"),
        (["build.*", "--reason", "x"], "--for"),
        (["build.*", "--for", "2h"], "--reason"),
    ],
)
def test_silence_requires_positive(configured: Project, args: list[str], complaint: str) -> None:
    """A pattern that leaves something to be heard, an end, and a reason."""
    ran = configured.call("mute", "add", *args).must(2)
    assert complaint in ran.err


def test_doctor_finds_nothing_wrong_with_an_agent_that_is_well(configured: Project) -> None:
    configured.start()
    configured.emit("build.failed", subject="api", priority="critical")  # which no quiet hours hold
    wait_for(lambda: configured.status()["deliveries"]["delivered"] == 2, "it was not delivered")
    ran = configured.call("doctor", "--json").must().json
    assert {each["name"]: each["result"] for each in ran["items"]} == {
        "configuration": "ok",
        "agent": "ok",
        "channel webhook": "ok",
        "database": "ok",
        "conservation": "ok",
    }
    assert "all is well" in configured.call("doctor").must().out


def test_doctor_names_what_is_wrong_and_what_to_do(configured: Project) -> None:
    configured.start()
    configured.emit("build.failed", subject="api", priority="critical")
    configured.call("agent", "stop").must()
    with closing(sqlite3.connect(configured.state / "notify.db")) as db, db:
        db.execute("UPDATE ledger SET amount = amount + 1")
    ran = configured.call("doctor").must(1)
    assert "1 missing" in ran.out
    assert "agent start" in ran.out
    configured.config.write_text("notifications: {chanels: {}}\n")
    assert "2 of 4 checks failed" in configured.call("doctor").must(1).out
