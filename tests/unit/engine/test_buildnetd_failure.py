"""Why a build of the daemon failed."""

from __future__ import annotations

from pathlib import Path

from buildnet_cli.engine.buildnetd.failure import broken, lost, read_failure

ROOT = Path("/project")
GCC = "main.c:8:2: error: 'foo' undeclared (first use in this function)\n"


def test_the_place_is_relative_to_the_project_and_the_exit_code_is_the_command_s() -> None:
    failure = read_failure(f"Build failed: Command failed with exit code 3: {GCC}", root=ROOT, folder="api/src")
    assert (failure.reason, failure.exit_code) == ("exit", 3)
    assert (failure.error.file, failure.error.line) == ("api/src/main.c", 8)
    assert failure.error.headline.startswith("C/C++ compilation failed: 'foo' undeclared")


def test_a_command_that_says_nothing_is_told_by_its_exit_code() -> None:
    failure = read_failure("Build failed: Command failed with exit code 127: ", root=ROOT, folder=".")
    assert failure.exit_code == 127
    assert "127" in failure.error.headline


def test_minus_one_is_a_signal_and_nobody_knows_which() -> None:
    failure = read_failure("Build failed: Command failed with exit code -1: half a line", root=ROOT, folder=".")
    assert (failure.reason, failure.exit_code) == ("signal", None)
    assert (failure.error.headline, failure.error.tail) == ("Killed: ended by a signal", "half a line")


def test_other_words_are_the_daemon_s_own_failure() -> None:
    failure = read_failure("Build failed: No such file or directory (os error 2)", root=ROOT, folder=".")
    assert (failure.reason, failure.exit_code) == ("daemon", None)
    assert failure.error.headline == "No such file or directory (os error 2)"
    assert read_failure("", root=ROOT, folder=".").error.headline == "The daemon does not say why"


def test_long_words_are_cut_to_one_line() -> None:
    assert broken("x" * 500 + "\nmore").error.headline == "X" + "x" * 199


def test_a_lost_build_says_that_its_end_is_not_known() -> None:
    failure = lost("api", "the connection to 127.0.0.1 broke")
    assert failure.reason == "daemon"
    assert failure.error.headline == "The BuildNet daemon was lost while it built api; how that ended is not known"
