"""An agent from its start to its end."""

from __future__ import annotations

import json
import os
import re
import signal
import stat
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.agent import Project, ask, ended, is_alive, request, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

NOBODY = 65534

NOT_RUNNING = 5


def test_a_start_says_where_the_agent_is_and_it_answers_there(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("start")))
    started = project.call("agent", "start").must()
    found = re.fullmatch(r"Agent started \(pid (\d+)\) in \S+ · (http://127\.0\.0\.1:\d+) · channels: webhook ok\n", started.out)
    assert found, started
    pid, url = int(found[1]), found[2]
    assert project.agents() == [pid]
    assert request("GET", f"{url}/health").body["service"] == "buildnet-notify"
    now = project.call("agent", "status", "--json").must().json
    assert now.keys() >= {"state", "pid", "uptime_secs", "version", "api", "socket", "channels", "engine", "queue", "deliveries"}
    assert (now["state"], now["pid"], now["api"]) == ("running", pid, url)
    assert f"pid {pid}" in project.call("status").must().out


def test_a_second_start_finds_the_first(running: Project) -> None:
    (pid,) = running.agents()
    second = running.call("agent", "start").must()
    assert second.out.startswith(f"Agent already running (pid {pid})")
    assert running.agents() == [pid]


def test_without_an_agent_status_says_how_to_get_one(project: Project) -> None:
    for args in (["status"], ["agent", "status"]):
        asked = project.call(*args).must(NOT_RUNNING)
        assert "not running" in asked.out + asked.err
        assert "buildnet-notify agent start" in asked.out + asked.err
    stopped = project.call("agent", "status", "--json").must(NOT_RUNNING).json
    assert (stopped["state"], stopped["pid"]) == ("stopped", None)


def test_status_is_watched_until_one_has_seen_enough(running: Project) -> None:
    with ended(running.spawn("status", "--watch")) as watching:
        assert watching.stdout is not None
        seen = ""
        while seen.count("pid") < 2:
            seen += watching.stdout.readline()
        watching.send_signal(signal.SIGINT)
        assert watching.wait(10) == 130
        assert "\x1b" not in seen


def test_of_twenty_starts_at_once_one_agent_remains(project: Project) -> None:
    project.configure(reports={})
    racers = [project.spawn("agent", "start", "--json") for _ in range(20)]
    ends = [(racer.communicate(timeout=60), racer.returncode) for racer in racers]
    assert [code for _, code in ends] == [0] * 20, [err for (_, err), code in ends if code]
    (pid,) = {json.loads(out)["pid"] for (out, _), _ in ends}
    assert [json.loads(out)["was_running"] for (out, _), _ in ends].count(False) == 1
    wait_for(lambda: project.agents() == [pid], "a second agent remains")


def test_after_a_kill_the_next_start_works(project: Project) -> None:
    project.configure(reports={})
    first = project.start()
    project.kill(first)
    assert project.call("agent", "status").code == NOT_RUNNING
    second = project.start()
    assert project.agents() == [second]


def test_stop_ends_it_and_says_so_once_it_has(project: Project) -> None:
    project.configure(reports={})
    pid = project.start()
    stopped = project.call("agent", "stop").must()
    assert stopped.out == f"Agent stopped (pid {pid})\n"
    wait_for(lambda: not project.processes(), "something still runs")
    assert not (project.state / "agent.sock").is_symlink()
    assert [*(project.runtime / "buildnet-notify").iterdir()] == []
    again = project.call("agent", "stop").must()
    assert "not running" in again.out


def test_a_request_to_terminate_is_a_stop(project: Project) -> None:
    project.configure(reports={})
    pid = project.start()
    os.kill(pid, signal.SIGTERM)
    wait_for(lambda: not is_alive(pid), "it did not end")
    newest = project.call("history", "events", "-n", "1", "--json").must().json["items"]
    assert [event["type"] for event in newest] == ["daemon.stopped"]
    assert project.call("agent", "status").code == NOT_RUNNING


def test_stop_takes_no_more_than_twelve_seconds_whatever_hangs(project: Project, inbox: HttpInbox) -> None:
    inbox.script("tarpit", *["hang"] * 20)
    project.configure(**webhook(inbox.hook("tarpit")))
    project.packages(stubborn="trap '' TERM INT; echo began; while :; do sleep 1; done")
    pid = project.start()
    project.call("cmd", "BUILD stubborn").must()
    wait_for(lambda: project.status()["queue"]["running"] and inbox.received("tarpit"), "nothing runs or nothing is sent")
    stopped = project.call("agent", "stop").must()
    assert stopped.took_secs <= 12.5
    assert f"pid {pid}" in stopped.out
    wait_for(lambda: not project.processes(), "something still runs", within_secs=1)
    (build,) = project.call("history", "--json").must().json["items"]
    assert (build["package"], build["status"]) == ("stubborn", "cancelled")
    unsent = project.rows("SELECT status, lease FROM deliveries")
    assert unsent
    assert set(unsent) == {("pending", None)}


def test_restart_makes_a_new_one(project: Project) -> None:
    project.configure(reports={})
    first = project.start()
    project.call("agent", "restart").must()
    (second,) = project.agents()
    assert second != first
    wait_for(lambda: not is_alive(first), "the former one still runs")
    assert project.status()["pid"] == second


def test_reload_takes_a_good_configuration_over(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("before")))
    pid = project.start()
    project.configure(**webhook(inbox.hook("after")))
    assert "changed on disk" in project.call("status").must().out
    project.call("agent", "reload").must()
    assert "changed on disk" not in project.call("status").must().out
    project.until_heard(inbox, "after", project.emit(message="hello"))
    assert project.agents() == [pid]


def test_what_was_accepted_waits_while_notifications_are_off(project: Project, inbox: HttpInbox) -> None:
    inbox.script("team", {"status": 429, "retry_after": 60})
    project.configure(**webhook(inbox.hook("team")))
    project.start()
    event = project.emit(message="hello")
    wait_for(lambda: inbox.received("team"), "it was not tried")
    project.call("config", "set", "notifications.enabled", "false").must()
    project.call("agent", "reload").must()
    assert project.status()["channels"] == [{"name": "webhook", "state": "off"}]
    project.call("deliveries", "retry", project.items(f"/api/deliveries?event={event}")[0]["id"]).must()
    assert project.items(f"/api/deliveries?event={event}")[0]["status"] == "pending"
    project.call("config", "set", "notifications.enabled", "true").must()
    project.call("agent", "reload").must()
    wait_for(lambda: project.items(f"/api/deliveries?event={event}")[0]["status"] == "delivered", "it was not delivered")


def test_reload_explains_a_broken_configuration_and_keeps_the_one_in_force(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("kept")))
    pid = project.start()
    project.config.write_text("notifications:\n  chanels: {}\n")
    refused = project.call("agent", "reload").must(3)
    assert f"{project.config}:2:3" in refused.err or ".buildnet/notifications.yaml:2:3" in refused.err
    assert 'did you mean "channels"' in refused.err
    project.until_heard(inbox, "kept", project.emit(message="still here"))
    assert project.agents() == [pid]


def test_a_start_with_a_broken_configuration_says_why_and_leaves_nothing(project: Project) -> None:
    project.configure("notifications:\n  settings:\n    dedup_window_secs: soon\n")
    refused = project.call("agent", "start").must(3)
    assert re.search(r"notifications\.yaml:3:\d+", refused.err), refused.err
    assert "dedup_window_secs" in refused.err
    wait_for(lambda: not project.processes(), "something still runs")
    as_json = project.call("agent", "start", "--json").must(3).json
    assert as_json["error"]["kind"] == "config"


def test_the_socket_and_its_folder_are_the_users_alone(running: Project) -> None:
    path = running.socket
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(running.state.stat().st_mode) == 0o700
    for file in (running.state / "notify.db", running.state / "agent.lock"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.needs_privilege
def test_another_user_is_kept_out_by_the_folder_and_by_the_agent(running: Project) -> None:
    if os.geteuid() != 0:
        pytest.skip("needs root, to become another user for a moment")
    path = running.socket
    with acting_as(NOBODY), pytest.raises(PermissionError):
        ask(path, "GET", "/api/status")
    modes = {each: stat.S_IMODE(each.stat().st_mode) for each in (path, path.parent, running.runtime)}
    try:
        for each in modes:
            each.chmod(0o777)
        with acting_as(NOBODY):
            refused = ask(path, "GET", "/api/status")
    finally:
        for each, mode in modes.items():
            each.chmod(mode)
    assert (refused.status, refused.body["kind"]) == (401, "denied")
    assert running.ask("GET", "/api/status").status == 200


def test_without_a_log_it_is_said_how_to_get_one(project: Project) -> None:
    project.configure(reports={})
    assert "buildnet-notify agent start" in project.call("agent", "logs").must(9).err


def test_the_log_is_shown_and_followed(running: Project) -> None:
    running.call("agent", "reload").must()
    shown = running.call("agent", "logs", "-n", "5").must().out
    assert "the configuration was reloaded" in shown
    with ended(running.spawn("agent", "logs", "-f", "-n", "1")) as following:
        assert following.stdout is not None
        assert "reloaded" in following.stdout.readline()
        running.call("agent", "reload").must()
        assert "reloaded" in following.stdout.readline()
        following.send_signal(signal.SIGINT)
        assert following.wait(10) == 130


@contextmanager
def acting_as(uid: int) -> Iterator[None]:
    """Be another user for the kernel."""
    own = os.geteuid()
    os.seteuid(uid)
    try:
        yield
    finally:
        os.seteuid(own)
