"""What a former agent, or anybody else, left in the way: the lock and an answer say who runs, never a number in a file."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from buildnet_cli.paths import socket_path
from tests.support.agent import Project, ended, is_alive, wait_for

pytestmark = pytest.mark.e2e


@pytest.fixture
def bystander() -> Iterator[subprocess.Popen[str]]:
    """A process that has nothing to do with us."""
    with ended(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, text=True)) as process:
        yield process


LOCK_TEXTS = [
    '{{"pid": {pid}, "api": "http://127.0.0.1:1", "socket": "/nowhere", "channels": [], "remarks": [], "note": ""}}',
    "{pid}",
    "-1",
    "0",
    "1",
    '{{"pid": -1, "api": ""}}',
    "no number at all",
    "[]",
    "\x00\xff",
]


def test_what_a_lock_file_says_is_not_believed(project: Project, bystander: subprocess.Popen[str]) -> None:
    project.configure(reports={})
    for text in LOCK_TEXTS:
        (project.state / "agent.lock").write_text(text.format(pid=bystander.pid), encoding="latin-1")
        assert "not running" in project.call("agent", "stop").must().out, text
        assert is_alive(bystander.pid)


@pytest.mark.parametrize("text", [LOCK_TEXTS[0], "-1", "\x00\xff"], ids=["a living pid", "-1", "no text"])
def test_what_a_lock_file_says_keeps_no_agent_from_starting(
    text: str, project: Project, bystander: subprocess.Popen[str]
) -> None:
    project.configure(reports={})
    (project.state / "agent.lock").write_text(text.format(pid=bystander.pid), encoding="latin-1")
    pid = project.start()
    assert project.agents() == [pid]
    project.call("agent", "stop").must()
    assert is_alive(bystander.pid)


def dangling_link(project: Project, path: Path) -> None:
    (project.state / "agent.sock").symlink_to("/nowhere/agent.sock")


def link_to_a_stale_socket(project: Project, path: Path) -> None:
    stale_socket(project, path)
    (project.state / "agent.sock").symlink_to(path)


def link_to_itself(project: Project, path: Path) -> None:
    (project.state / "agent.sock").symlink_to(project.state / "agent.sock")


def file_in_place_of_the_link(project: Project, path: Path) -> None:
    (project.state / "agent.sock").write_text("not a link")


def stale_socket(project: Project, path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as forgotten:
        forgotten.bind(str(path))


def file_in_place_of_the_socket(project: Project, path: Path) -> None:
    path.write_text("not a socket")


@pytest.mark.parametrize(
    "leave",
    [
        dangling_link,
        link_to_a_stale_socket,
        link_to_itself,
        file_in_place_of_the_link,
        stale_socket,
        file_in_place_of_the_socket,
    ],
)
def test_a_stale_socket_or_link_is_no_obstacle(leave: Callable[[Project, Path], None], project: Project) -> None:
    project.configure(reports={})
    leave(project, socket_path(project.state, project.environ))
    assert project.call("agent", "status").code == 5
    assert project.call("emit", "custom.test", "--json").must().json["status"] == "spooled"
    pid = project.start()
    assert project.call("agent", "status", "--json").must().json["pid"] == pid


def test_a_folder_in_place_of_the_socket_is_explained(project: Project) -> None:
    project.configure(reports={})
    path = socket_path(project.state, project.environ)
    path.mkdir()
    refused = project.call("agent", "start").must(3)
    assert str(path) in refused.err
    assert "Traceback" not in refused.err + (project.state / "logs" / "agent.err").read_text()


def test_a_socket_of_somebody_who_does_not_speak_http_is_no_agent(project: Project) -> None:
    project.configure(reports={})
    path = project.runtime / "other.sock"
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(str(path))
        other.listen()
        (project.state / "agent.sock").symlink_to(path)
        pid = project.start()
        assert project.status()["pid"] == pid


def test_a_build_that_ran_when_the_agent_was_killed_is_told_as_failed(project: Project) -> None:
    project.configure(reports={})
    project.packages(long="sleep 60")
    first = project.start()
    project.call("cmd", "BUILD long").must()
    wait_for(lambda: [line for line in project.processes().values() if "sleep 60" in line], "the build does not begin")
    project.kill(first)
    project.start()
    (build,) = project.call("history", "--json").must().json["items"]
    assert build["status"] == "failed"
    assert "agent stopped" in build["error"]["headline"]
    (event,) = project.items("/api/notifications/events?type=build.failed")
    assert event["subject"] == "long"


def test_a_verb_that_holds_the_lock_is_waited_for(project: Project) -> None:
    project.configure(reports={})
    path = project.state / "agent.lock"
    holding = "import fcntl, sys; f = open(sys.argv[1], 'a'); fcntl.flock(f, fcntl.LOCK_EX); print('held', flush=True); input()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with ended(subprocess.Popen([sys.executable, "-c", holding, str(path)], text=True, **pipes)) as verb:
        assert verb.stdout is not None
        assert verb.stdin is not None
        assert verb.stdout.readline() == "held\n"
        with ended(project.spawn("agent", "start", "--json")) as start:
            wait_for(project.agents, "no agent tries to start")
            verb.stdin.close()
            out, err = start.communicate(timeout=30)
    assert start.returncode == 0, err
    assert project.agents() == [json.loads(out)["pid"]]


def test_a_lock_that_is_never_given_up_is_explained(project: Project) -> None:
    project.configure(reports={})
    path = project.state / "agent.lock"
    import fcntl

    with path.open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        refused = project.call("agent", "start").must(1)
    assert "in use by another process" in refused.err
    assert refused.took_secs < 10
