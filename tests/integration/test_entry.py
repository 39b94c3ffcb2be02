"""What the entry answers by itself, and what it leaves to the full command line."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from buildnet_cli import __version__, entry

pytestmark = pytest.mark.integration

TEXT = "engine  idle\nqueue   0 · nothing waits\n"
HANDED_ON = 77


def answer(body: str, *, status: str = "200 OK", kind: str = "text/plain; charset=utf-8", length: int | None = None) -> bytes:
    data = body.encode()
    size = len(data) if length is None else length
    return f"HTTP/1.1 {status}\r\ncontent-length: {size}\r\nContent-Type: {kind}\r\nconnection: close\r\n\r\n".encode() + data


class Agent:
    """Answers every request on a Unix socket with the same bytes, and keeps what it was asked."""

    def __init__(self, path: Path) -> None:
        self.path, self.answer, self.requests = path, answer(TEXT), list[bytes]()
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen()
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            with connection:
                self.requests.append(connection.recv(65536))
                connection.sendall(self.answer)

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("BUILDNET_PROJECT", raising=False)
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".buildnet").mkdir(mode=0o700)
    return tmp_path


@pytest.fixture
def agent(project: Path) -> Iterator[Agent]:
    running = Agent(project / "a.sock")
    (project / ".buildnet" / "agent.sock").symlink_to(running.path)
    yield running
    running.close()


def run(monkeypatch: pytest.MonkeyPatch, *args: str) -> int:
    """The exit code; HANDED_ON if the full command line was called."""
    monkeypatch.setattr(sys, "argv", ["buildnet-notify", *args])
    full: Any = SimpleNamespace(run=lambda argv: HANDED_ON)
    monkeypatch.setitem(sys.modules, "buildnet_cli.cli.main", full)
    return entry.main()


@pytest.mark.parametrize("option", ["--version", "-V"])
def test_the_version_is_printed(option: str, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, option) == 0
    assert capfd.readouterr() == (f"buildnet-notify {__version__}\n", "")


@pytest.mark.parametrize("args", [[], ["--help"], ["emit", "x"], ["status", "--json"], ["status", "--watch"], ["-V", "status"]])
def test_everything_unusual_is_handed_on(args: list[str], agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, *args) == HANDED_ON
    assert agent.requests == []


def test_status_is_the_agents_own_text(agent: Agent, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "status") == 0
    assert capfd.readouterr().out == TEXT
    assert b"\r\nAccept: text/plain\r\n" in agent.requests[0]


def test_status_loads_nothing_but_the_socket(agent: Agent) -> None:
    command = [sys.executable, "-X", "importtime", "-c", "import sys; from buildnet_cli.entry import main; main()", "status"]
    child = subprocess.run(command, capture_output=True, text=True, check=True)
    loaded = {line.rpartition("|")[2].strip() for line in child.stderr.splitlines()}
    assert child.stdout == TEXT
    assert "_socket" in loaded
    assert not loaded & {"socket", "json", "typer", "pathlib", "re"}


def test_status_works_below_the_project(agent: Agent, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    below = project / "packages" / "api"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    assert run(monkeypatch, "status") == 0


def test_a_named_project_wins_over_the_folder(
    agent: Agent, project: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run(monkeypatch, "status") == HANDED_ON
    monkeypatch.setenv("BUILDNET_PROJECT", str(project))
    assert run(monkeypatch, "status") == 0


@pytest.mark.parametrize(
    "given",
    [
        answer("{}", kind="application/json"),
        answer("no", status="500 Internal Server Error"),
        answer(TEXT, length=1000),
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"\xff\xff\xff\xff",
        b"",
    ],
    ids=["not text", "an error", "cut off", "chunked", "not HTTP", "nothing"],
)
def test_an_answer_that_is_not_plain_is_left_to_the_full_command_line(
    given: bytes, agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent.answer = given
    assert run(monkeypatch, "status") == HANDED_ON


def test_without_an_agent_the_full_command_line_explains(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(monkeypatch, "status") == HANDED_ON
    (project / ".buildnet" / "agent.sock").symlink_to(project / "gone.sock")
    assert run(monkeypatch, "status") == HANDED_ON


def test_an_agent_that_does_not_answer_is_not_waited_for(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entry, "STATUS_TIMEOUT_SECS", 0.05)
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(project / "s.sock"))
        silent.listen()
        (project / ".buildnet" / "agent.sock").symlink_to(project / "s.sock")
        assert run(monkeypatch, "status") == HANDED_ON


def test_a_socket_that_others_could_have_put_there_is_not_asked(
    agent: Agent, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".buildnet").chmod(0o777)
    assert run(monkeypatch, "status") == HANDED_ON
    (project / ".buildnet").chmod(0o700)
    (project / ".buildnet").rename(project / "real")
    (project / ".buildnet").symlink_to(project / "real")
    assert run(monkeypatch, "status") == HANDED_ON
    assert agent.requests == []


def test_a_reader_that_has_gone_gets_no_traceback(agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    child = subprocess.run([sys.executable, "-m", "buildnet_cli", "status"], stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)
    assert (child.returncode, child.stderr) == (141, b"")


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    with Path("/dev/full").open("w") as full:
        child = subprocess.run([sys.executable, "-m", "buildnet_cli", "--version"], stdout=full, stderr=subprocess.PIPE)
    assert (child.returncode, child.stderr) == (1, b"buildnet-notify: cannot write the answer: No space left on device\n")


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_a_terminal_of_another_encoding_gets_what_it_can_show(encoding: str, agent: Agent) -> None:
    child = subprocess.run(
        [sys.executable, "-m", "buildnet_cli", "status"], capture_output=True, env={**os.environ, "PYTHONIOENCODING": encoding}
    )
    assert (child.returncode, child.stdout) == (0, TEXT.encode(encoding, "replace"))
