"""STOP and RESTART where a BuildNet daemon builds: it ends with the agent, and begins again before it."""

from __future__ import annotations

import shlex
import sys

import pytest

from tests.support.agent import Project, is_alive, wait_for
from tests.support.daemons import daemon_process, write_project

pytestmark = pytest.mark.e2e


def confirm(project: Project, command: str) -> None:
    asked = project.call("cmd", command, "--json").must(6).json
    project.call("cmd", command, "--confirm", asked["result"]["code"]).must()


def test_a_stop_ends_the_daemon_too(project: Project) -> None:
    write_project(project.root, {"lib": "true"})
    with daemon_process(project.root) as daemon:
        project.configure(engine={"type": "buildnetd", "url": daemon.url})
        pid = project.start()
        assert "engine.start_command" in project.call("cmd", "RESTART").must(11).err
        confirm(project, "STOP")
        wait_for(lambda: not is_alive(pid), "the agent goes on")
        wait_for(lambda: daemon.process.poll() is not None, "the daemon goes on")
    assert project.rows("SELECT count(*) FROM events WHERE type = 'daemon.stopped'") == [(1,)]


def test_a_restart_begins_the_daemon_anew(project: Project) -> None:
    write_project(project.root, {"lib": "true"})
    with daemon_process(project.root) as daemon:
        command = [sys.executable, "-m", "buildnet_cli.sandbox.buildnetd", "--project-root", str(project.root)]
        command += ["-p", str(daemon.port)]
        project.configure(engine={"type": "buildnetd", "url": daemon.url, "start_command": shlex.join(command)})
        pid = project.start()
        confirm(project, "RESTART")
        wait_for(lambda: daemon.process.poll() is not None, "the daemon goes on")
        ended = "SELECT status FROM commands ORDER BY seq DESC LIMIT 1"
        wait_for(lambda: project.rows(ended) == [("executed",)], "the restart does not end")
        wait_for(lambda: project.call("status").code == 0, "the agent does not answer")
        assert (project.status()["pid"], project.status()["engine"]["state"]) == (pid, "running")
        project.call("cmd", "BUILD lib", "--wait").must()
