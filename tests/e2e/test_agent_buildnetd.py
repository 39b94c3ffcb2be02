"""An agent whose builds are a BuildNet daemon's: which one it takes, and what it says of it."""

from __future__ import annotations

import socket
from typing import Any

import pytest

from tests.support.agent import Project, wait_for
from tests.support.daemons import daemon_process, write_project

pytestmark = pytest.mark.e2e


def configure(project: Project, url: str, kind: str = "auto") -> None:
    project.configure(engine={"type": kind, "url": url})


def engine_of(project: Project) -> dict[str, Any]:
    found: dict[str, Any] = project.status()["engine"]
    return found


def until_built(project: Project, package: str) -> dict[str, Any]:
    """The newest build of a package, once it has ended."""

    def ended() -> dict[str, Any] | None:
        builds = [build for build in project.items("/api/builds") if build["package"] == package]
        return builds[0] if builds and builds[0]["finished_at"] else None

    found: dict[str, Any] = wait_for(ended, f"{package} was not built")
    return found


def event_types(project: Project) -> list[str]:
    return [event["type"] for event in project.items("/api/notifications/events")]


@pytest.mark.parametrize("kind", ["auto", "buildnetd"])
def test_the_daemon_of_this_project_builds(project: Project, kind: str):
    write_project(project.root, {"lib": "true", "api": "echo \"api.c:3:1: error: 'y' undeclared\" >&2; exit 2"}, api="lib")
    with daemon_process(project.root) as daemon:
        configure(project, daemon.url, kind)
        project.start()
        engine = engine_of(project)
        assert (engine["kind"], engine["state"], engine["packages"]) == ("buildnetd", "running", ["lib", "api"])
        assert engine["capabilities"] == ["cancel_running"]
        project.call("cmd", "BUILD", "api").must()
        failed = until_built(project, "api")
        assert (failed["status"], failed["exit_code"], failed["error"]["file"]) == ("failed", 2, "api.c")
        assert until_built(project, "lib")["tier"] == "SmartIncremental"
        assert event_types(project).count("daemon.started") == 1, "it is the daemon's, and not our agent's"
        assert project.call("cmd", "CACHE STATS").must().out
        daemon.kill()
        wait_for(lambda: "daemon.stopped" in event_types(project), "nobody was told", within_secs=30)
        assert engine_of(project)["state"] == "unreachable"
        assert "unreachable" in project.call("status").must().out
        assert "does not answer" in project.call("cmd", "STATUS").must().out
        waiting = project.call("cmd", "BUILD", "api").must().out
        assert "it waits for the BuildNet daemon" in waiting
        assert "starts about" not in waiting
    project.call("agent", "stop").must()


def test_the_daemon_of_another_project_is_left_alone(project: Project):
    other = project.root.parent / "other"
    other.mkdir()
    write_project(other, {"theirs": "true"})
    project.packages(ours="true")
    with daemon_process(other) as daemon:
        configure(project, daemon.url)
        project.start()
        assert engine_of(project)["kind"] == "local"
        assert engine_of(project)["packages"] == ["ours"]


def test_another_engine_is_taken_at_a_reload_and_never_in_between(project: Project):
    write_project(project.root, {"api": "true"})
    configure(project, "http://127.0.0.1:9")
    project.start()
    assert engine_of(project)["kind"] == "local"
    with daemon_process(project.root) as daemon:
        configure(project, daemon.url)
        assert engine_of(project)["kind"] == "local"
        project.call("agent", "reload").must()
        assert engine_of(project)["kind"] == "buildnetd"
        project.call("cmd", "BUILD", "api").must()
        assert until_built(project, "api")["status"] == "completed"
        configure(project, daemon.url, "local")
        project.call("agent", "reload").must()
        assert engine_of(project)["kind"] == "local"


def test_our_own_port_is_no_daemon_s(project: Project):
    project.packages(api="true")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    project.configure(agent={"api": {"port": port}}, engine={"type": "auto", "url": f"http://127.0.0.1:{port}"})
    project.start()
    assert project.url.endswith(f":{port}")
    assert engine_of(project)["kind"] == "local"
