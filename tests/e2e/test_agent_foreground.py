"""`agent run`: the agent as a container or a service manager runs it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.support.agent import PATIENCE_SECS, Project, ended, wait_for

pytestmark = pytest.mark.e2e


@contextmanager
def in_foreground(project: Project) -> Iterator[subprocess.Popen[str]]:
    """An agent in the foreground that is ready; its first line has been read."""
    with ended(project.spawn("agent", "run", start_new_session=True)) as agent:
        assert agent.stdout is not None
        assert "Ctrl-C stops it" in agent.stdout.readline()
        yield agent


def test_notifications_are_shown_where_it_runs(project: Project) -> None:
    project.configure(reports={})
    with in_foreground(project) as agent:
        assert agent.stdout is not None
        project.call("emit", "custom.deploy.done", "-s", "shop", "-m", "Shop 1.4 is live").must()
        shown = ""
        while "Shop 1.4 is live" not in shown:
            shown += agent.stdout.readline()
        assert "\x1b" not in shown


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_a_regular_stop(number: signal.Signals, project: Project) -> None:
    project.configure(reports={})
    with in_foreground(project) as agent:
        agent.send_signal(number)
        out, err = agent.communicate(timeout=PATIENCE_SECS)
        assert agent.returncode == 0, err
    assert "Traceback" not in out + err
    newest = project.call("history", "events", "-n", "1", "--json").must().json["items"]
    assert [event["type"] for event in newest] == ["daemon.stopped"]


def test_a_second_signal_ends_it_at_once(project: Project) -> None:
    project.configure(reports={})
    project.packages(stubborn="trap '' TERM INT; while :; do sleep 1; done")
    with in_foreground(project) as agent:
        project.call("cmd", "BUILD stubborn").must()
        wait_for(lambda: len(project.processes()) > 1, "the build does not begin")
        agent.send_signal(signal.SIGINT)
        wait_for(lambda: project.status()["state"] == "stopping", "it does not begin to stop")
        begun = time.monotonic()
        agent.send_signal(signal.SIGINT)
        assert agent.wait(PATIENCE_SECS) == 130
        assert time.monotonic() - begun < 2


def test_a_hangup_reads_the_configuration_again(project: Project) -> None:
    project.configure(reports={})
    with in_foreground(project) as agent:
        assert agent.stderr is not None
        project.config.write_text("notifications: 5\n")
        agent.send_signal(signal.SIGHUP)
        assert "was not reloaded" in json.loads(agent.stderr.readline())["message"]
        project.configure(notifications={"enabled": True})
        agent.send_signal(signal.SIGHUP)
        assert "was reloaded" in json.loads(agent.stderr.readline())["message"]


def test_a_second_one_refuses_to_start(project: Project) -> None:
    project.configure(reports={})
    with in_foreground(project) as agent:
        refused = project.call("agent", "run").must(1)
    assert f"pid {agent.pid}" in refused.err


def test_a_broken_configuration_is_explained(project: Project) -> None:
    project.configure("notifications: [\n")
    refused = project.call("agent", "run").must(3)
    assert "notifications.yaml:" in refused.err
