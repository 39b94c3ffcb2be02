"""What the terminal prints: for programs one object, for people colour only where they see it, for nobody a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from pathlib import Path

import pytest

from buildnet_cli.completion_tree import COMMANDS
from tests.support.agent import PROGRAM, Project, on_terminal

pytestmark = pytest.mark.e2e

ESCAPE = "\x1b"

# Command line, what is read from stdin, exit code, kind of the object. The project has an agent.
ANSWERS: list[tuple[str, str, int, str]] = [
    ("agent start", "", 0, "agent-start"),
    ("agent status", "", 0, "agent-status"),
    ("agent reload", "", 0, "agent-reload"),
    ("audit list", "", 0, "audit"),
    ("audit verify", "", 0, "audit-verify"),
    ("cmd HELP", "", 0, "command"),
    ("cmd NONSENSE", "", 2, "error"),
    ("completion bash", "", 0, "completion"),
    ("completion zsh", "", 0, "completion"),
    ("completion fish", "", 0, "completion"),
    ("completion install csh", "", 2, "error"),
    ("config edit", "", 2, "error"),
    ("config get agent.api.port", "", 0, "config-value"),
    ("config get agent.api.prot", "", 9, "error"),
    ("config history", "", 0, "config-history"),
    ("config path", "", 0, "config-path"),
    ("config rollback 99", "", 9, "error"),
    ("config sample", "", 0, "config-sample"),
    ("config schema", "", 0, "config-schema"),
    ("config set notifications.settings.dedup_window_secs 120", "", 0, "config-change"),
    ("config show", "", 0, "config"),
    ("config show --origin", "", 0, "config-origin"),
    ("config validate", "", 0, "config-problems"),
    ("config validate -", "notifications: 5", 3, "config-problems"),
    ("deliveries list", "", 0, "deliveries"),
    ("deliveries show dlv_nothing", "", 9, "error"),
    ("deliveries retry dlv_nothing", "", 9, "error"),
    ("deliveries cancel dlv_nothing", "", 9, "error"),
    ("channels list", "", 0, "channels"),
    ("channels show webhook", "", 0, "channel"),
    ("channels show carrier-pigeon", "", 2, "error"),
    ("doctor", "", 0, "doctor"),
    ("emit custom.test", "", 0, "event"),
    ("emit custom.test --data -", "{", 2, "error"),
    ("history", "", 0, "builds"),
    ("history commands", "", 0, "commands"),
    ("history events", "", 0, "events"),
    ("history show nothing", "", 9, "error"),
    ("init", "", 0, "init"),
    ("mute add resource.* --for 1m --reason test", "", 0, "mute"),
    ("mute list", "", 0, "mutes"),
    ("mute remove mute_nothing", "", 9, "error"),
    ("route test build.failed", "", 0, "route-test"),
    ("secrets check", "", 0, "secrets-check"),
    ("secrets import --from-env", "", 0, "secrets"),
    ("secrets list", "", 0, "secrets"),
    ("secrets set A_NAME", "a value\n", 0, "secret"),
    ("secrets delete ANOTHER", "", 9, "error"),
    ("send-test", "", 0, "send-test"),
    ("send-test --channel nobody", "", 2, "error"),
    ("status", "", 0, "status"),
    ("version", "", 0, "version"),
    ("why evt_nothing", "", 9, "error"),
    ("web", "", 11, "error"),
    ("", "", 2, "error"),
    ("agent", "", 2, "error"),
    ("statsu", "", 2, "error"),
    ("--version", "", 0, "version"),
    ("--nonsense", "", 2, "error"),
    ("--project /nowhere status", "", 2, "error"),
]

# Commands that are tried elsewhere, each with the reason.
ELSEWHERE = {
    "agent logs": "a stream: test_agent_life",
    "audit export": "a stream: test_audit_command",
    "agent restart": "it would end the shared agent: test_agent_life",
    "agent run": "it stays: test_agent_foreground",
    "agent stop": "it would end the shared agent: test_agent_life",
    "demo": "it takes seconds: test_demo",
    "run": "what it prints is its child's: test_cli_run",
    "sandbox": "it stays: below",
    "tail": "a stream: test_event_stream",
}


@pytest.mark.parametrize(("line", "stdin", "code", "kind"), ANSWERS, ids=[line or "nothing" for line, *_ in ANSWERS])
def test_with_json_there_is_one_object_and_nothing_else(line: str, stdin: str, code: int, kind: str, running: Project) -> None:
    ran = running.call(*line.split(), "--json", stdin=stdin).must(code)
    answer = ran.json
    assert answer["schema"] == f"buildnet-notify/{kind}@1"
    if kind == "error":
        assert answer["error"]["exit_code"] == code
        assert answer["error"].keys() >= {"kind", "message"}
        assert "\n" not in answer["error"]["message"]
    if "items" in answer:
        assert answer.keys() >= {"items", "next"}
    assert "Traceback" not in ran.err


def test_no_command_is_forgotten() -> None:
    tried = {line for line, *_ in ANSWERS}
    leaves = {path for path, entry in COMMANDS.items() if not entry[1]}
    assert {leaf for leaf in leaves if not any(f"{line} ".startswith(f"{leaf} ") for line in tried)} == set(ELSEWHERE)


def test_the_stream_of_a_log_is_lines_of_json(running: Project) -> None:
    running.call("agent", "reload").must()
    lines = running.call("agent", "logs", "--json").must().out.splitlines()
    assert lines
    assert all(json.loads(line).keys() >= {"time", "level", "logger", "message"} for line in lines)


def test_the_sandbox_says_where_it_is(project: Project) -> None:
    with project.spawn("sandbox", "--port", "0", "--json") as child:
        assert child.stdout is not None
        assert json.loads(child.stdout.readline())["url"].startswith("http://127.0.0.1:")
        child.terminate()
        assert child.wait(10) in (0, -signal.SIGTERM)


@pytest.mark.parametrize(
    "args",
    [
        ["--json", "-q", "--color", "never", "history"],
        ["history", "--json", "--quiet", "--color=never"],
        ["history", "-q", "--json"],
    ],
)
def test_global_options_stand_where_one_likes(args: list[str], running: Project, tmp_path: Path) -> None:
    assert running.call(*args).must().json["schema"] == "buildnet-notify/builds@1"
    there = running.call(*args, "--project", str(running.root), cwd=tmp_path).must()
    assert there.json == running.call("--project", str(running.root), *args, cwd=tmp_path).must().json


def test_another_configuration_may_be_named_on_either_side(running: Project, tmp_path: Path) -> None:
    other = tmp_path / "other.yaml"
    other.write_text("notifications: {settings: {dedup_window_secs: 7}}\n")
    other.chmod(0o600)
    key = "notifications.settings.dedup_window_secs"
    for args in (["--config", str(other), "config", "get", key], ["config", "get", key, f"--config={other}"]):
        assert running.call(*args).must().out == "7\n"
    assert running.call("config", "get", key, env={"BUILDNET_CONFIG": str(other)}).must().out == "7\n"


def test_what_belongs_to_a_command_after_the_dashes_is_left_to_it(project: Project) -> None:
    ran = project.call("run", "--", "echo", "--json", "-q", "--project", "x").must()
    assert ran.out == "--json -q --project x\n"


COLOURLESS: list[dict[str, str]] = [{"NO_COLOR": "1", "TERM": "xterm"}, {"TERM": "dumb"}]


@pytest.mark.parametrize("env", COLOURLESS, ids=["NO_COLOR", "TERM=dumb"])
def test_who_wants_no_colour_gets_none(env: dict[str, str], running: Project) -> None:
    for args in (["history"], ["send-test"], ["statsu"], ["config", "validate"], ["secrets", "list"]):
        assert ESCAPE not in on_terminal(running, *args, env=env).out, args


def test_on_a_terminal_there_is_colour_and_a_heading(running: Project) -> None:
    running.call("cmd", "BUILD good", "--wait").must()
    shown = on_terminal(running, "history", env={"TERM": "xterm"})
    assert ESCAPE in shown.out
    assert "PACKAGE" in shown.out
    assert ESCAPE in on_terminal(running, "statsu", env={"TERM": "xterm"}).out
    assert ESCAPE not in on_terminal(running, "history", "--color", "never", env={"TERM": "xterm"}).out


def test_who_waits_at_a_terminal_sees_what_is_being_built(project: Project) -> None:
    project.configure()
    project.packages(slow="sleep 1")
    project.start()
    assert "slow is being built" in on_terminal(project, "cmd", "BUILD slow", "--wait", env={}).out
    assert project.call("cmd", "BUILD slow", "--wait").must().err == ""


def test_in_a_pipe_a_table_is_tabs_without_colour_or_heading(running: Project) -> None:
    running.call("cmd", "BUILD bad", "--wait").must(1)
    out = running.call("history", "-n", "1", env={"TERM": "xterm"}).must().out
    assert ESCAPE not in out
    assert "PACKAGE" not in out
    when, package, status, *_ = out.rstrip("\n").split("\t")
    assert (package, status) == ("bad", "failed")
    assert when.endswith("ago")


@pytest.mark.parametrize(
    "args", [["history", "events"], ["config", "sample", "--full"], ["status"], ["config", "schema"], ["--help"]]
)
def test_a_reader_that_has_gone_is_no_reason_for_a_word(args: list[str], running: Project) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        child = subprocess.run([PROGRAM, *args], cwd=running.root, env=running.environ, stdout=writer, stderr=subprocess.PIPE)
    finally:
        os.close(writer)
    assert child.stderr == b""
    assert child.returncode == 141


def test_a_full_disk_is_said_without_a_traceback(running: Project) -> None:
    with Path("/dev/full").open("w") as full:
        for args in (["history", "events"], ["config", "sample", "--full"]):
            child = subprocess.run(
                [PROGRAM, *args], cwd=running.root, env=running.environ, stdout=full, stderr=subprocess.PIPE, text=True
            )
            assert child.returncode == 1, args
            assert "No space left" in child.stderr or "no space left" in child.stderr
            assert "Traceback" not in child.stderr


@pytest.mark.parametrize(
    "line", ["--version", "history", "statsu", "emit custom.test --data -", "run -- echo hello", "secrets set A"]
)
def test_closed_streams_are_no_reason_for_a_traceback(line: str, running: Project) -> None:
    for closed in ("<&-", ">&-", "<&- >&-", "<&- >&- 2>&-"):
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", PROGRAM, *line.split()]
        child = subprocess.run(command, cwd=running.root, env=running.environ, stdin=subprocess.DEVNULL, capture_output=True)
        assert b"Traceback" not in child.stderr
        assert b"unexpected" not in child.stderr
        assert child.returncode in (0, 2)


@pytest.mark.parametrize("env", [{"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, {"PYTHONIOENCODING": "latin-1"}])
def test_a_terminal_without_unicode_gets_what_it_can_show(env: dict[str, str], running: Project) -> None:
    running.emit("custom.test", message="café \N{ROCKET} — done", subject="unicode")
    for args in (
        ["history", "events"],
        ["status"],
        ["agent", "status"],
        ["agent", "start"],
        ["config", "sample"],
        ["--help"],
        ["statsu"],
    ):
        ran = running.call(*args, env=env)
        assert "Traceback" not in ran.err, args
        assert "Unicode" not in ran.err
        assert ran.code == (2 if args == ["statsu"] else 0), ran


def test_what_an_event_says_cannot_drive_the_terminal(running: Project) -> None:
    running.emit("custom.test", message="\x1b[2J\x1b]0;owned\x07 \u202e reversed", subject="control")
    out = running.call("history", "events", "-n", "1").must().out
    assert not {"\x1b", "\x07", "\u202e"} & set(out)


def test_without_a_command_the_help_is_shown(project: Project) -> None:
    for args in ([], ["agent"], ["config"]):
        shown = project.call(*args).must(2)
        assert f"Usage: {' '.join(['buildnet-notify', *args])} [OPTIONS]" in shown.err
        assert "error:" not in shown.err
        assert "Commands:" in shown.err


def test_help_is_plain_and_begins_with_an_example(project: Project) -> None:
    shown = project.call("agent", "start", "--help").must()
    assert shown.out.startswith("  $ buildnet-notify agent start\n")
    assert not set("╭│╰─") & set(shown.out)
    for path, entry in COMMANDS.items():
        if not entry[1] and path.count(" ") == 0:
            assert "Usage:" in project.call(*path.split(), "-h").must().out


def test_a_mistyped_word_gets_the_nearest_one(project: Project) -> None:
    for args, near in ((["statsu"], "status"), (["agent", "strat"], "start"), (["config", "valdiate"], "validate")):
        assert f'did you mean "{near}"' in project.call(*args).must(2).err


def test_quiet_keeps_results_and_errors(running: Project) -> None:
    assert running.call("config", "path", "-q").must().out == f"{running.config}\n"
    assert "error:" in running.call("-q", "statsu").must(2).err


def test_an_error_names_what_failed_and_what_to_type(running: Project) -> None:
    broken = running.root / "broken.yaml"
    broken.write_text("notifications:\n  chanels: {}\n")
    broken.chmod(0o600)
    refused = running.call("config", "validate", str(broken)).must(3)
    assert 'broken.yaml:2:3 error: unknown key "chanels", did you mean "channels"?' in refused.out
    assert "2 |   chanels" in refused.out
    assert "^^^^^^^" in refused.out
