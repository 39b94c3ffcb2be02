"""`run`: somebody else's command, reported as a build and otherwise left alone."""

from __future__ import annotations

import os
import signal
import time

import pytest

from tests.support.agent import PATIENCE_SECS, Project, ended, on_terminal, wait_for, webhook
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e


ENDS = [
    (["true"], 0),
    (["sh", "-c", "exit 3"], 3),
    (["sh", "-c", "exit 255"], 255),
    (["no-such-command-anywhere"], 127),
    (["/etc/passwd"], 126),
    (["/etc"], 126),
    (["sh", "-c", "kill -TERM $$"], 143),
    (["sh", "-c", "kill -KILL $$"], 137),
]


@pytest.mark.parametrize("has_agent", [True, False], ids=["with an agent", "without"])
@pytest.mark.parametrize(("command", "code"), ENDS, ids=[" ".join(command) for command, _ in ENDS])
def test_the_exit_code_is_the_commands_own(
    command: list[str], code: int, has_agent: bool, request: pytest.FixtureRequest
) -> None:
    project: Project = request.getfixturevalue("running" if has_agent else "project")
    if not has_agent:
        project.configure(reports={})
    ran = project.call("run", "--", *command).must(code)
    assert ran.out == ""
    assert "Traceback" not in ran.err
    if code in (126, 127):
        assert command[0] in ran.err
    if not has_agent:
        assert len(list((project.state / "spool").glob("*.json"))) == 2


def test_what_it_reads_and_writes_is_untouched(running: Project) -> None:
    script = "cat; printf 'no line break' ; printf '\\033[31mred\\n\\377' >&2; exit 4"
    ran = running.call("run", "--", "sh", "-c", script, stdin="typed\x00\nin\n").must(4)
    assert ran.out == "typed\x00\nin\nno line break"
    assert ran.err == "\x1b[31mred\n\udcff"


def test_large_output_arrives_whole(running: Project) -> None:
    ran = running.call(
        "run", "--", "sh", "-c", "head -c 3000000 /dev/zero | tr '\\0' x; head -c 3000000 /dev/zero | tr '\\0' y >&2"
    ).must()
    assert (len(ran.out), len(ran.err)) == (3_000_000, 3_000_000)
    assert (set(ran.out), set(ran.err)) == ({"x"}, {"y"})


def test_on_a_terminal_the_command_has_a_terminal(running: Project) -> None:
    script = "[ -t 0 ] && [ -t 1 ] && [ -t 2 ] && stty size && read -r word && echo got:$word; exit 5"
    ran = on_terminal(running, "run", "--", "sh", "-c", script, env={"TERM": "xterm"}, typed="hello\n")
    assert ran.code == 5
    assert "got:hello" in ran.out


def test_in_a_pipe_the_command_has_none(running: Project) -> None:
    running.call("run", "--", "sh", "-c", "[ ! -t 0 ] && [ ! -t 1 ] && [ ! -t 2 ]").must()


def test_what_it_leaves_behind_is_not_waited_for(running: Project) -> None:
    begun = time.monotonic()
    running.call("run", "--", "sh", "-c", "sleep 8 & echo started").must()
    assert time.monotonic() - begun < 5


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130)])
def test_a_signal_reaches_the_command_and_its_end_is_ours(number: signal.Signals, code: int, project: Project) -> None:
    """Ctrl-C comes to the whole group from the terminal; a request to terminate comes to us alone and is passed on."""
    ready = "echo ready; sleep 30 & wait"
    with ended(project.spawn("run", "--", "sh", "-c", ready, start_new_session=True)) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        if number is signal.SIGINT:
            os.killpg(child.pid, number)
        else:
            child.send_signal(number)
        assert child.wait(PATIENCE_SECS) == code


def test_it_is_told_as_a_build(project: Project, inbox: HttpInbox) -> None:
    project.configure(**webhook(inbox.hook("run")))
    project.start()
    script = "echo 'src/main.c:7:3: error: oh no' >&2; exit 2"
    project.call("run", "--package", "web", "--", "sh", "-c", script).must(2)
    project.call("run", "--", "true").must()
    builds = wait_for(lambda: _of_builds(inbox) if len(_of_builds(inbox)) == 4 else None, "not all of it was told")
    assert [(type_, subject) for type_, subject, _ in builds] == [
        ("build.started", "web"),
        ("build.failed", "web"),
        ("build.started", "true"),
        ("build.completed", "true"),
    ]
    failed = builds[1][2]
    assert (failed["status"], failed["error"]["file"], failed["error"]["line"]) == ("failed", "src/main.c", 7)
    assert failed["duration_ms"] >= 0


def _of_builds(inbox: HttpInbox) -> list[tuple[str, str, dict[str, object]]]:
    told = [got.body for got in inbox.received("run") if got.body["type"].startswith("build.")]
    return sorted(
        ((body["type"], body["subject"], body["payload"]) for body in told), key=lambda each: str(each[2]["started_at"])
    )


def test_a_short_success_may_be_kept_quiet(running: Project) -> None:
    running.call("run", "--package", "quick", "--if-longer", "60s", "--", "true").must()
    assert [event for event in running.items("/api/notifications/events?type=build.*") if event["subject"] == "quick"] == []
    running.call("run", "--package", "quick", "--if-longer", "60s", "--", "false").must(1)
    (event,) = [event for event in running.items("/api/notifications/events?type=build.*") if event["subject"] == "quick"]
    assert event["type"] == "build.failed"


def test_that_it_cannot_be_reported_does_not_change_how_it_ends(project: Project) -> None:
    project.state.write_text("not a folder")
    ran = project.call("run", "--", "sh", "-c", "echo out; exit 6").must(6)
    assert ran.out == "out\n"
    assert "could not be reported" in ran.err
