"""Builds, and the agents that come and go around them."""

from __future__ import annotations

import json
import os
import signal
from typing import Any

import pytest

from tests.support.agent import Project, wait_for, webhook
from tests.support.http_inbox import HttpInbox
from tests.support.processes import HIDING

pytestmark = pytest.mark.e2e

ALL_HIDING = "\n".join(HIDING.values())


def builds(project: Project) -> dict[str, dict[str, Any]]:
    """The newest build of each package."""
    items = project.call("history", "builds", "--json").must().json["items"]
    return {build["package"]: build for build in reversed(items)}


def test_a_killed_agent_leaves_no_process_and_the_next_one_says_what_became_of_its_builds(project: Project) -> None:
    project.configure(reports={})
    project.packages(stubborn=f"trap '' TERM\n{ALL_HIDING}\nsleep 300", polite=f"{ALL_HIDING}\nsleep 300")
    first = project.start()
    project.call("cmd", "BUILD").must()
    wait_for(lambda: len(project.processes()) >= 2 * 8 + 1, "too little runs")
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: not project.processes(), "something is left", within_secs=3)
    project.start()
    assert {(build["status"], build["reason"]) for build in builds(project).values()} == {("failed", "agent_crash")}
    (event,) = project.items("/api/notifications/events?type=daemon.recovered")
    assert event["payload"]["ended_processes"] == 0, "their supervisors had ended them"


def test_a_stopped_agent_leaves_no_process_either(project: Project) -> None:
    project.configure(reports={})
    project.packages(stubborn=f"trap '' TERM\n{ALL_HIDING}\nsleep 300")
    project.start()
    project.call("cmd", "BUILD").must()
    wait_for(lambda: len(project.processes()) >= 8, "too little runs")
    assert project.call("agent", "stop").must().took_secs <= 12.5
    wait_for(lambda: not project.processes(), "something is left", within_secs=1)


def test_a_build_sees_neither_the_agents_secrets_nor_its_files(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("secrets"), headers={"X-Key": "${HOOK_KEY}"}))
    project.packages(curious="env; for fd in /proc/self/fd/*; do readlink $fd; done; cat /proc/$PPID/environ")
    project.call("agent", "start", env={"HOOK_KEY": "k3y-of-the-hook", "BUILDNET_MASTER_KEY": "m4ster" * 8}).must()
    project.call("cmd", "BUILD curious", "--wait").must()
    log = (project.state / "builds" / builds(project)["curious"]["id"] / "output.log").read_text()
    assert f"HOME={project.home}" in log
    for hidden in ("HOOK_KEY", "k3y-of-the-hook", "***", "BUILDNET_MASTER_KEY", "m4ster", "notify.db", "agent.lock", "agent.log"):
        assert hidden not in log


def test_a_pause_lasts_through_a_kill_and_the_queue_with_it(project: Project) -> None:
    project.configure(reports={})
    project.packages(api="touch ran")
    first = project.start()
    assert project.call("cmd", "PAUSE").must().out.startswith("Paused: nothing is building")
    asked = project.call("cmd", "BUILD api", "--json").must().json
    assert asked["status"] == "accepted"
    assert "it waits for RESUME" in asked["message"]
    assert asked["result"]["queued_position"] == 1
    assert asked["result"]["estimated_start"] is None
    project.kill(first)
    project.start()
    assert project.status()["engine"]["state"] == "paused"
    assert "1 waiting (api) · paused until RESUME" in project.call("status").must().out
    assert "builds are paused" in project.call("cmd", "STATUS").must().out
    assert not (project.root / "ran").exists()
    assert "Resumed: 1 waiting" in project.call("cmd", "RESUME").must().out
    wait_for(lambda: builds(project)["api"]["status"] == "completed", "it was not built")
    assert "paused" not in project.call("status").must().out


def test_the_same_request_again_is_the_same_build_and_what_needs_a_failure_is_skipped_with_the_reason(project: Project) -> None:
    project.configure(reports={})
    packages = [
        {"name": "lib", "path": ".", "build_cmd": "exit 3", "dependencies": []},
        {"name": "api", "path": ".", "build_cmd": "true", "dependencies": ["lib"]},
    ]
    (project.state / "config.json").write_text(json.dumps({"project_root": ".", "packages": packages}))
    project.start()
    project.call("cmd", "PAUSE").must()
    first = project.call("cmd", "BUILD api", "--json").must().json["result"]
    again = project.call("cmd", "BUILD api", "--json").must().json["result"]
    assert first["build_id"] == again["build_id"]
    project.call("cmd", "RESUME").must()
    wait_for(lambda: builds(project)["api"]["status"] == "skipped", "it was not skipped")
    api = builds(project)["api"]
    assert (api["reason"], api["error"]["headline"]) == ("dependency", "Not built, because lib failed")
    (failed,) = project.items("/api/notifications/events?type=build.failed")
    assert failed["payload"]["skipped"] == ["api"]


def test_failures_in_a_row_and_their_end_are_told_as_such(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("standing"), format="slack"))
    project.start()
    for script in ("true", "false", "false", "true"):
        project.call("run", "--package", "api", "--", script)
    facts = [
        {name: event["payload"].get(name) for name in ("failures", "passes_before", "is_new_error", "failures_before")}
        for event in reversed(project.items("/api/notifications/events"))
        if event["type"] in ("build.failed", "build.completed")
    ]
    nothing = dict.fromkeys(("failures", "passes_before", "is_new_error", "failures_before"))
    assert facts == [
        nothing,
        {**nothing, "failures": 1, "passes_before": 1},
        {**nothing, "failures": 2, "passes_before": 1, "is_new_error": False},
        {**nothing, "failures_before": 2},
    ]
