"""`cmd`: remote-control commands from the terminal, and what a script learns from them."""

from __future__ import annotations

import pytest

from tests.support.agent import Project, ended, wait_for

pytestmark = pytest.mark.e2e


ENDS = [
    ("STATUS", 0),
    ("status", 0),
    ("/status", 0),
    ("HELP", 0),
    ("HISTORY 3", 0),
    ("BUILD good --wait", 0),
    ("BUILD bad --wait", 1),
    ("BUILD bad", 0),
    ("BUILD no-such-package", 9),
    ("BUILD good bad", 2),
    ("HISTORY many", 2),
    ("CANCEL", 2),
    ("CANCEL good", 9),
    ("BILD good", 2),
    ("rm -rf /", 2),
    ("NO", 7),
    ("YES 483920", 7),
    ("STOP", 6),
    ("REPORT daily", 11),
    ("NODE LIST", 0),
]


@pytest.mark.parametrize(("line", "code"), ENDS, ids=[line for line, _ in ENDS])
def test_the_exit_code_says_how_it_went(line: str, code: int, running: Project) -> None:
    text, *options = line.partition(" --wait")[:2]
    ran = running.call("cmd", text, *(option.strip() for option in options if option)).must(code)
    assert "Traceback" not in ran.err
    assert bool(ran.err) == (code not in (0, 1, 6))


def test_a_strong_command_runs_for_the_code_it_prints_and_for_no_other(running: Project) -> None:
    asked = running.call("cmd", "cache clear").must(6)
    assert "CACHE CLEAR would remove" in asked.out
    assert "Nothing has run yet." in asked.out
    assert "Confirm within 5m:" in asked.out
    _, _, code = asked.out.strip().rpartition('buildnet-notify cmd "CACHE CLEAR" --confirm ')
    wrong = "000000" if code != "000000" else "111111"
    assert (
        "does not match: CACHE CLEAR has not run; 2 tries left"
        in running.call("cmd", "CACHE CLEAR", "--confirm", wrong).must(7).err
    )
    assert "Cache cleared" in running.call("cmd", "CACHE CLEAR", "--confirm", code).must().out
    assert "has been used; nothing has run again" in running.call("cmd", "CACHE CLEAR", "--confirm", code).must(7).err
    rows = running.call("history", "commands", "-n", "4", "--json").must().out
    assert "confirmation_required" in rows
    assert code not in rows


def test_a_question_is_a_result_object_for_scripts(running: Project) -> None:
    asked = running.call("cmd", "CACHE CLEAR", "--json").must(6).json
    assert (asked["schema"], asked["status"]) == ("buildnet-notify/command@1", "confirmation_required")
    assert asked["result"].keys() == {"code", "expires_at", "preview"}
    assert asked["result"]["preview"].keys() == {"summary", "artifacts", "size_bytes"}


def test_words_may_be_given_with_or_without_quotes(running: Project) -> None:
    assert running.call("cmd", "HISTORY", "2").must().out == running.call("cmd", "HISTORY 2").must().out


def test_an_unknown_command_gets_the_nearest_one(running: Project) -> None:
    assert "did you mean BUILD good?" in running.call("cmd", "BILD good").must(2).err
    assert "did you mean 'good'?" in running.call("cmd", "BUILD goood").must(9).err


def test_a_build_that_is_waited_for_says_why_it_failed(running: Project) -> None:
    ran = running.call("cmd", "BUILD bad", "--wait").must(1)
    assert "bad failed in" in ran.out
    assert "main.c:3" in ran.out
    answer = running.call("cmd", "BUILD bad", "--wait", "--json").must(1).json
    assert [build["status"] for build in answer["builds"]] == ["failed"]
    assert answer["builds"][0]["error"]["line"] == 3


def test_a_cancelled_build_is_no_success(running: Project) -> None:
    with ended(running.spawn("cmd", "BUILD slow", "--wait")) as waiting:
        wait_for(lambda: running.status()["queue"]["running"], "the build does not begin")
        assert "Cancelled slow" in running.call("cmd", "CANCEL slow").must().out
        assert waiting.wait(20) == 1
        assert waiting.stdout is not None
        assert "slow cancelled" in waiting.stdout.read()


def test_without_an_agent_it_says_how_to_get_one(project: Project) -> None:
    assert "buildnet-notify agent start" in project.call("cmd", "STATUS").must(5).err


def test_every_command_leaves_a_row_refused_ones_too(running: Project) -> None:
    running.call("cmd", "SHRUG").must(2)
    (row,) = running.call("history", "commands", "-n", "1", "--json").must().json["items"]
    assert row.keys() >= {"request_id", "command", "status", "channel", "principal", "timestamp", "result"}
    assert (row["command"], row["status"], row["channel"], row["principal"]) == ("SHRUG", "failed", "socket", "local")
