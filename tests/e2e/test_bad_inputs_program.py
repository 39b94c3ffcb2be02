"""The bad inputs of the surfaces `path` and `cli`, each met by the real program."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.agent import PROGRAM, Project, Ran, new_project, wait_for, webhook
from tests.support.bad_inputs import FIXTURES, Case, cases, prepare, project_folder
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

# What a call that does nothing takes on a machine with nothing else to do; and what no case is held to.
IDLE_CALL_SECS = 0.15
SLACK_MS = 3000

# The corpus speaks of commands by names of its own; ours are those of the command line.
OUR_COMMANDS = {
    "CLI-004": ["emit"],
    "CLI-005": ["send-test", "--event", "build.failed", "--channel", "nope"],
    "CLI-006": ["emit", "build.failed", "--data", "{"],
    "CLI-007": ["emit", "build.failed", "--message", "@/etc/passwd"],
    "CLI-014": ["cmd", "CONFIRM"],
    "CLI-018": ["emit", "build.failed", "--message", "x"],
    "CLI-019": ["emit", "build.failed", "--message", "x"],
}
OUR_WORDS = {"--type": "TYPE"}


@pytest.fixture
def at_home(request: pytest.FixtureRequest, tmp_path: Path, inbox: HttpInbox) -> Iterator[Project]:
    """The project that the case is about, with a configuration that tells a hook of the case's name."""
    case: Case = request.getfixturevalue("case")
    wanted = project_folder(case)
    with new_project(tmp_path, name=wanted.name if wanted is not None else "project") as project:
        if "fixture" not in case.input or case.surface == "cli":
            project.configure(**webhook(inbox.hook(case.id)))
        yield project


def check(case: Case, ran: Ran, project: Project) -> None:
    """What must hold after every case: the exit code, the words, no trace of a secret or of our code, and in time."""
    text = ran.out + ran.err
    assert ran.code in (case.exit_codes or {0}), text
    assert not [word for word in case.missing_in(text, "error_has") if OUR_WORDS.get(word, word) not in text], text
    assert not case.unwanted_in(text + _written(project)), text
    slowdown = max(1.0, project.call("version").must().took_secs / IDLE_CALL_SECS)
    assert ran.took_secs * 1000 <= case.max_ms * slowdown + SLACK_MS
    if "reject" in case.outcomes:
        assert len(text) < 4000
        wait_for(lambda: not project.agents(), "an agent runs though the start was refused")


def _written(project: Project) -> str:
    files = [path for path in project.root.rglob("*") if path.is_file() and path.stat().st_size < 1 << 20]
    return "".join(path.read_bytes().decode("utf-8", "replace") for path in files if not path.is_symlink())


PATHS = {case.id: case for case in cases(surface="path")}
FOLDERS = [case for case in PATHS.values() if "project_dir" in case.input]
STATES = [case for case in PATHS.values() if case.input.get("fixture") in FIXTURES]
FRAGMENTS = [case for case in PATHS.values() if "fragment" in case.input]


def test_every_path_case_is_driven() -> None:
    driven = {case.id for case in (*FOLDERS, *STATES, *FRAGMENTS)} | {"PATH-010", "PATH-017"}
    assert driven == PATHS.keys()


@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.id)
def test_an_agent_lives_in_a_folder_of_any_name(case: Case, at_home: Project, inbox: HttpInbox) -> None:
    ran = at_home.call("agent", "start")
    check(case, ran, at_home)
    assert len(os.fsencode(at_home.socket)) <= 107
    at_home.until_heard(inbox, case.id, at_home.emit(message="it works"))
    assert "running" in at_home.call("status").must().out


@pytest.mark.parametrize("case", STATES, ids=lambda case: case.id)
def test_a_folder_that_cannot_be_used_is_explained(case: Case, at_home: Project) -> None:
    FIXTURES[case.input["fixture"]](at_home.root)
    check(case, at_home.call("agent", "start", prefix=_without_privileges()), at_home)


def _without_privileges() -> list[str]:
    """Root may write anywhere, unless it gives its capabilities up."""
    return ["setpriv", "--bounding-set=-all"] if os.geteuid() == 0 else []


@pytest.mark.needs_privilege
@pytest.mark.parametrize("case", [PATHS["PATH-010"]], ids=lambda case: case.id)
def test_a_read_only_file_system_is_explained(case: Case, at_home: Project) -> None:
    with mounted(at_home.root):
        at_home.configure(reports={})
        subprocess.run(["mount", "-o", "remount,ro", str(at_home.root)], check=True)
        check(case, at_home.call("agent", "start"), at_home)


@contextmanager
def mounted(folder: Path) -> Iterator[None]:
    """An empty file system of its own in a folder."""
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "none", str(folder)], stderr=subprocess.PIPE, text=True)
    if done.returncode:
        pytest.skip(f"needs CAP_SYS_ADMIN, to mount a file system: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.parametrize("case", FRAGMENTS, ids=lambda case: case.id)
def test_a_path_that_must_not_be_written_to_is_refused(case: Case, at_home: Project) -> None:
    prepared = prepare(case)
    prepared.write(at_home.root)
    check(case, at_home.call("config", "validate", env=prepared.env), at_home)
    check(case, at_home.call("agent", "start", env=prepared.env), at_home)


@pytest.mark.parametrize("case", [PATHS["PATH-017"]], ids=lambda case: case.id)
def test_a_log_that_cannot_be_written_stops_nothing(case: Case, at_home: Project, inbox: HttpInbox) -> None:
    logs = at_home.state / "logs"
    logs.mkdir(mode=0o700)
    (logs / "agent.log").symlink_to(case.input["log_file"])
    check(case, at_home.call("agent", "start"), at_home)
    at_home.call("agent", "reload").must()
    told = at_home.until_heard(inbox, case.id, at_home.emit(message="heard all the same"))
    assert told.body["message"] == "heard all the same"


@pytest.mark.parametrize("case", cases(surface="cli"), ids=lambda case: case.id)
def test_a_command_line_is_met_as_it_should_be(case: Case, at_home: Project, inbox: HttpInbox) -> None:
    args = OUR_COMMANDS.get(case.id, case.input["args"])
    with ExitStack() as states:
        _prepare_state(case.input.get("state", ""), at_home, states)
        ran = _call(at_home, args, case)
    check(case, ran, at_home)
    if "lost" in case.expect:
        (event,) = _delivered(at_home, inbox, case.id)
        assert event["message"] == "x"


def _prepare_state(state: str, project: Project, states: ExitStack) -> None:
    match state:
        case "" | "agent stopped":
            pass
        case "agent SIGSTOPped":
            pid = project.start()
            os.kill(pid, signal.SIGSTOP)
            states.callback(os.kill, pid, signal.SIGCONT)
        case "request pending":
            project.start()
            states.callback(project.call, "agent", "stop")
            project.call("cmd", "CACHE CLEAR").must(6)
        case "port taken by another program":
            # An address of its own, since an agent may be at work on this machine.
            host = f"127.9.{os.getpid() // 250 % 250}.{1 + os.getpid() % 250}"
            project.configure(agent={"api": {"host": host, "port": 9876}})
            states.enter_context(socket.create_server((host, 9876)))
        case _:
            raise AssertionError(f"nobody prepares {state!r}")


def _call(project: Project, args: list[str], case: Case) -> Ran:
    if case.input.get("stdout") != "closed pipe":
        return project.call(*args, env=case.input.get("env"))
    reader, writer = os.pipe()
    os.close(reader)
    try:
        child = subprocess.run(
            [PROGRAM, *args], cwd=project.root, env=project.environ, stdout=writer, stderr=subprocess.PIPE, text=True
        )
    finally:
        os.close(writer)
    return Ran(tuple(args), child.returncode, "", child.stderr)


def _delivered(project: Project, inbox: HttpInbox, hook: str) -> list[dict[str, str]]:
    """What of a kind arrived in the end, once nothing waits any more."""
    project.call("agent", "start").must()
    wait_for(lambda: not list((project.state / "spool").glob("*.json")), "the spool is not emptied")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending")
    return [got.body for got in inbox.received(hook) if got.body["type"] == "build.failed"]
