"""`run`: a command is as if it had been typed, it is a build in the history, and nothing of it is ever left."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from tests.support.agent import PROGRAM, Project, ended, request, wait_for
from tests.support.processes import HIDING

pytestmark = pytest.mark.e2e

ALL_HIDING = "\n".join(HIDING.values())


def builds(project: Project) -> list[dict[str, Any]]:
    """The history, as a person asks for it."""
    items: list[dict[str, Any]] = project.call("history", "builds", "--json").must().json["items"]
    return items


def shell(script: str) -> tuple[str, ...]:
    return ("run", "--package", "api", "--", "sh", "-c", script)


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 7"], 7),
        (["sh", "-c", "exit 255"], 255),
        (["sh", "-c", "kill -KILL $$"], 137),
        (["sh", "-c", "kill -TERM $$"], 143),
        (["no-such-program"], 127),
        (["/etc/passwd"], 126),
    ],
)
def test_the_exit_code_is_that_of_the_command(project: Project, command: list[str], code: int) -> None:
    project.call("run", "--", *command).must(code)


def test_input_and_both_outputs_pass_through_byte_by_byte(project: Project) -> None:
    content = bytes(range(256)) * 4096
    script = "cat; echo aside >&2"
    ran = subprocess.run(
        [PROGRAM, *shell(script)], cwd=project.root, env=project.environ, input=content, capture_output=True, timeout=60
    )
    assert (ran.stdout, ran.stderr, ran.returncode) == (content, b"aside\n", 0)


def test_one_place_for_both_outputs_keeps_their_order(project: Project) -> None:
    script = "for i in 1 2 3 4 5; do echo out $i; echo err $i >&2; done"
    ran = subprocess.run(
        [PROGRAM, *shell(script)],
        cwd=project.root,
        env=project.environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=60,
    )
    assert ran.stdout.decode().split("\n")[:-1] == [f"{stream} {i}" for i in range(1, 6) for stream in ("out", "err")]


def test_a_reader_who_has_gone_ends_a_command_that_writes_for_ever(project: Project) -> None:
    with ended(project.spawn("run", "--", "yes")) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "y\n"
        ran.stdout.close()
        assert ran.wait(timeout=20) == 141


def test_its_environment_is_that_of_the_terminal(project: Project) -> None:
    shown = project.call("run", "--", "env", "-0", env={"LANG": "C", "ODD": "a\nb"}).must()
    inherited = dict(entry.partition("=")[::2] for entry in shown.out.split("\0") if entry)
    assert inherited == {**project.environ, "LANG": "C", "ODD": "a\nb"}


@contextmanager
def on_terminal(project: Project, *args: str) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """The program on a terminal of its own; what we type and see, and the process."""
    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [PROGRAM, *args],
        cwd=project.root,
        env={**project.environ, "TERM": "xterm"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    )
    os.close(theirs)
    try:
        yield ours, child
    finally:
        child.kill()
        child.wait()
        os.close(ours)


def seen(ours: int, until: str = "", within_secs: float = 20.0) -> str:
    """What is shown on a terminal, until it holds a text, or to its end."""
    text = b""
    deadline = time.monotonic() + within_secs
    while not until or until.encode() not in text:
        left = deadline - time.monotonic()
        assert left > 0, f"{until!r} never came: {text!r}"
        if not select.select([ours], [], [], left)[0]:
            continue
        try:
            chunk = os.read(ours, 65536)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    return text.decode("utf-8", "replace")


def test_on_a_terminal_it_has_one_of_the_same_size_and_reads_what_is_typed(project: Project) -> None:
    script = "test -t 0 && test -t 1 && test -t 2 && stty size && tty -s </dev/tty && echo ready && read word && echo got $word"
    with on_terminal(project, *shell(script)) as (ours, ran):
        seen(ours, "ready")
        os.write(ours, b"hello\r")
        assert "got hello" in seen(ours, "got hello")
        assert ran.wait(timeout=20) == 0


def test_errors_that_go_elsewhere_do_so_on_a_terminal_too(project: Project) -> None:
    script = f"{PROGRAM} run -- sh -c 'test -t 1 && echo shown; echo hidden >&2; exit 3' 2>errors; echo code $?"
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        ["sh", "-c", script],
        cwd=project.root,
        env=project.environ,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=lambda: os.close(os.open(os.ttyname(0), os.O_RDWR)),
    ):
        os.close(theirs)
        shown = seen(ours, "code 3")
    os.close(ours)
    assert "shown" in shown
    assert "hidden" not in shown
    assert "hidden" in (project.root / "errors").read_text()


def test_a_typed_interrupt_reaches_the_command_once_and_ends_us_with_130(project: Project) -> None:
    with on_terminal(
        project, *shell("trap 'echo caught; trap - INT; kill -INT $$' INT; echo up; while :; do sleep 0.1; done")
    ) as (
        ours,
        ran,
    ):
        seen(ours, "up")
        os.write(ours, b"\x03")
        assert seen(ours, "caught").count("caught") == 1
        assert ran.wait(timeout=20) == 130
    wait_for(lambda: not project.processes(), "something is left", within_secs=3)


def test_an_interrupt_that_is_sent_to_us_reaches_the_command_once(project: Project) -> None:
    script = "trap 'echo caught >> caught; trap - INT; kill -INT $$' INT; echo up; while :; do sleep 0.1; done"
    with ended(project.spawn(*shell(script))) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "up\n"
        ran.send_signal(signal.SIGINT)
        assert ran.wait(timeout=20) == 130
    assert (project.root / "caught").read_text() == "caught\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_request_to_end_ends_the_whole_tree(project: Project, number: signal.Signals) -> None:
    polite = "setsid sleep 300 & sleep 300 & echo up; wait"
    with ended(project.spawn(*shell(polite))) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "up\n"
        ran.send_signal(number)
        assert ran.wait(timeout=20) == 143
    assert project.processes() == {}


def test_nothing_is_left_three_seconds_after_we_were_killed(project: Project) -> None:
    with ended(project.spawn(*shell(f"{ALL_HIDING}\necho up; sleep 300"))) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "up\n"
        wait_for(lambda: len(project.processes()) >= 8, "too little runs")
        ran.kill()
    wait_for(lambda: not project.processes(), "something is left", within_secs=3)


def test_what_a_command_leaves_behind_ends_with_it(project: Project) -> None:
    project.call(*shell(f"{ALL_HIDING}\nexit 4")).must(4)
    assert project.processes() == {}


def test_without_an_agent_a_run_is_in_the_history_after_the_next_start_with_its_event(project: Project) -> None:
    project.configure(reports={})
    project.call(*shell("echo 'main.c:3:5: error: no such thing' >&2; exit 2")).must(2)
    assert len(list((project.state / "spool").glob("spool_*.json"))) == 2
    project.start()
    (build,) = wait_for(lambda: builds(project), "no build came")
    wait_for(lambda: builds(project)[0]["status"] == "failed", "the end never came")
    build = builds(project)[0]
    assert (build["package"], build["exit_code"], build["requested_by"]) == ("api", 2, "run")
    assert (build["error"]["file"], build["error"]["line"]) == ("main.c", 3)
    types = [event["type"] for event in project.items("/api/notifications/events") if event["subject"] == "api"]
    assert types == ["build.failed", "build.started"]
    assert list((project.state / "spool").glob("spool_*.json")) == []


def test_with_an_agent_a_run_is_seen_while_it_runs_and_survives_the_agents_restart(project: Project) -> None:
    project.configure(reports={})
    project.start()
    with ended(project.spawn(*shell("echo up; cat"), stdin=subprocess.PIPE)) as ran:
        assert ran.stdout is not None
        assert ran.stdin is not None
        assert ran.stdout.readline() == "up\n"
        wait_for(lambda: [build["status"] for build in builds(project)] == ["running"], "it is not seen")
        project.call("agent", "restart").must()
        assert [build["status"] for build in builds(project)] == ["running"]
        ran.stdin.close()
        assert ran.wait(timeout=20) == 0
    (build,) = builds(project)
    assert (build["status"], build["exit_code"], build["reason"]) == ("completed", 0, None)
    types = [event["type"] for event in project.items("/api/notifications/events") if event["subject"] == "api"]
    assert types == ["build.completed", "build.started"]


def test_a_run_that_was_killed_does_not_seem_to_run_for_ever(project: Project) -> None:
    project.configure(reports={})
    project.start()
    with ended(project.spawn(*shell("echo up; sleep 300"))) as ran:
        assert ran.stdout is not None
        assert ran.stdout.readline() == "up\n"
        wait_for(lambda: builds(project), "it is not seen")
        ran.kill()
    wait_for(lambda: builds(project)[0]["status"] == "failed", "it seems to run")
    assert builds(project)[0]["reason"] == "lost"
    (event,) = project.items("/api/notifications/events?type=build.failed")
    assert event["subject"] == "api"


def test_a_short_success_is_recorded_though_it_is_not_told(project: Project) -> None:
    project.configure(reports={})
    project.start()
    project.call("run", "--package", "quick", "--if-longer", "60s", "--", "true").must()
    project.call("run", "--package", "broken", "--if-longer", "60s", "--", "false").must(1)
    assert {build["package"]: build["status"] for build in builds(project)} == {"quick": "completed", "broken": "failed"}
    told = {event["type"]: event["subject"] for event in project.items("/api/notifications/events?type=build.*")}
    assert told == {"build.failed": "broken"}


def test_an_interrupted_run_is_cancelled_and_no_failure(project: Project) -> None:
    project.configure(reports={})
    project.start()
    project.call(*shell("kill -INT $$")).must(130)
    assert [(build["status"], build["reason"]) for build in builds(project)] == [("cancelled", "cancelled")]


def test_builds_are_handed_in_over_the_socket_alone(running: Project) -> None:
    refused = request("POST", f"{running.url}/api/builds", b"{}", {"Content-Type": "application/json"})
    assert refused.status == 404


@pytest.mark.parametrize(
    "change",
    [
        {"id": "build_1"},
        {"status": "queued"},
        {"started_at": None},
        {"started_at": "yesterday"},
        {"exit_code": True},
        {"exit_code": 2**40},
        {"package": 7},
        {"error": "text"},
        {"error": {"line": "3"}},
    ],
)
def test_what_is_no_build_is_refused(running: Project, change: dict[str, Any]) -> None:
    from buildnet_cli.ids import new_id

    build = {
        "id": new_id("build"),
        "run_id": new_id("run"),
        "package": "refused",
        "status": "running",
        "requested_by": "run",
        "started_at": "2024-01-26T12:00:00Z",
    }
    assert running.ask("POST", "/api/builds", {"builds": [{**build, **change}]}).status == 422
    assert running.ask("GET", "/api/builds?package=refused").body["items"] == []
