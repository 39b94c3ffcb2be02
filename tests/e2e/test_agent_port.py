"""Who owns the agent's port, and where it goes when that is not the agent.

Every test has a loopback address of its own, so that agents at work on this machine do not matter.
"""

from __future__ import annotations

import itertools
import json
import os
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project, request

pytestmark = pytest.mark.e2e

PORT = 9876

_numbers = itertools.count(1)


@pytest.fixture
def host() -> str:
    """An address of the loopback network that nobody else uses."""
    return f"127.{1 + os.getpid() // 250 % 250}.{1 + os.getpid() % 250}.{next(_numbers)}"


def listening_on(host: str, **settings: object) -> dict[str, object]:
    return {"agent": {"api": {"host": host, "port": PORT, **settings}}}


@contextmanager
def daemon(host: str, answer: object) -> Iterator[None]:
    """An HTTP server on the port whose /health says something."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Keep quiet."""

    with HTTPServer((host, PORT), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield
        finally:
            server.shutdown()
            thread.join()


def test_the_wanted_port_is_taken_when_it_is_free(project: Project, host: str) -> None:
    project.configure(**listening_on(host))
    assert f"http://{host}:{PORT} ·" in project.call("agent", "start").must().out
    assert request("GET", f"http://{host}:{PORT}/health").status == 200


def test_a_port_of_an_unknown_program_is_not_evaded(project: Project, host: str) -> None:
    project.configure(**listening_on(host))
    with socket.create_server((host, PORT)):
        refused = project.call("agent", "start").must(3)
    assert f"port {PORT}" in refused.err
    assert "in use" in refused.err
    assert "config set agent.api.port" in refused.err
    assert project.call("agent", "status").code == 5


def test_a_web_server_that_is_none_of_ours_is_an_unknown_program(project: Project, host: str) -> None:
    project.configure(**listening_on(host))
    with daemon(host, {"status": "ok"}):
        assert "in use" in project.call("agent", "start").must(3).err


def test_beside_the_buildnet_daemon_the_agent_takes_the_next_port_and_says_so(project: Project, host: str) -> None:
    project.configure(**listening_on(host))
    with daemon(host, {"status": "healthy", "version": "0.9.1", "uptime_secs": 12}):
        started = project.call("agent", "start").must()
    assert f"http://{host}:9880 ({PORT} belongs to the BuildNet daemon)" in started.out
    assert request("GET", f"http://{host}:9880/health").body["service"] == "buildnet-notify"


def test_two_agents_of_ours_live_side_by_side(project: Project, host: str, tmp_path: Path) -> None:
    project.configure(**listening_on(host))
    project.start()
    with new_project(tmp_path / "other") as other:
        other.configure(**listening_on(host))
        started = other.call("agent", "start").must()
        assert f"http://{host}:9880 ({PORT} belongs to another agent)" in started.out
        assert other.status()["api"] == f"http://{host}:9880"
        other.call("agent", "stop").must()
    assert request("GET", f"http://{host}:{PORT}/health").status == 200


def test_an_agent_may_do_without_a_port(project: Project, host: str) -> None:
    project.configure(**listening_on(host, listen=False))
    with socket.create_server((host, PORT)):
        assert "no TCP listener" in project.call("agent", "start").must().out
    assert project.call("agent", "status", "--json").must().json["api"] == ""
