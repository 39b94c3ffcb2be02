"""One printer for terminals, pipes and programs."""

from __future__ import annotations

import io
import json
from datetime import UTC, datetime

import pytest

from buildnet_cli.cli.output import Column, Output, printable, show_millis, show_time
from buildnet_cli.errors import ConfigError

COLUMNS = [Column("NAME", "name"), Column("TOOK", "took", show_millis), Column("WHY", "error.headline")]
ROWS = [
    {"name": "api", "took": 8200, "error": {"headline": "a\tb\nc"}},
    {"name": "ui\x1b[31m", "took": None, "error": None},
]


class Terminal(io.StringIO):
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


class Pipe(io.StringIO):
    encoding = "ascii"


def test_a_pipe_gets_tab_separated_lines_that_are_never_cut() -> None:
    pipe = Pipe()
    Output(out=pipe).rows("builds", ROWS, COLUMNS)
    assert pipe.getvalue() == "api\t8.2s\ta b c\nui\\x1b[31m\t\t\n"


def test_a_program_gets_one_object_with_items_and_next() -> None:
    pipe = Pipe()
    Output(as_json=True, out=pipe).rows("builds", ROWS, COLUMNS, next_="42")
    assert json.loads(pipe.getvalue()) == {"schema": "buildnet-notify/builds@1", "items": ROWS, "next": "42"}


@pytest.mark.parametrize(("variable", "value"), [("NO_COLOR", "1"), ("TERM", "dumb")])
def test_a_terminal_without_colour_gets_no_escape(variable: str, value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv(variable, value)
    terminal = Terminal()
    Output(out=terminal).rows("builds", [{"name": "failed", "took": 1, "error": None}], COLUMNS)
    assert "\x1b" not in terminal.getvalue()
    assert terminal.getvalue().splitlines()[0].split() == ["NAME", "TOOK", "WHY"]


def test_colour_marks_a_state_that_is_a_word_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    terminal = Terminal()
    Output(out=terminal).rows("builds", [{"name": "failed", "took": 1, "error": None}], COLUMNS)
    assert "\x1b[31mfailed\x1b[0m" in terminal.getvalue()


def test_a_long_id_is_not_cut_on_a_narrow_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    terminal = Terminal()
    Output(out=terminal, color="never").rows(
        "builds", [{"name": "x" * 300, "took": 1, "error": {"headline": "y" * 300}}], COLUMNS
    )
    assert "x" * 300 in terminal.getvalue()
    assert "y" * 300 in terminal.getvalue()


def test_a_character_that_the_terminal_lacks_becomes_an_escape() -> None:
    pipe = Pipe()
    Output(out=pipe).say("✔ gebaut")
    assert pipe.getvalue() == "\\u2714 gebaut\n"


def test_quiet_keeps_results_and_drops_the_rest() -> None:
    pipe = Pipe()
    output = Output(is_quiet=True, out=pipe)
    output.say("a remark")
    output.result("version", {"version": "1"}, "the result")
    assert pipe.getvalue() == "the result\n"


def test_an_error_is_an_object_with_json_and_lines_without(capsys: pytest.CaptureFixture[str]) -> None:
    error = ConfigError("the file is wrong", hint="mend it", where="a.yaml:1:2")
    pipe = Pipe()
    Output(as_json=True, out=pipe).error(error, 3)
    assert json.loads(pipe.getvalue()) == {
        "schema": "buildnet-notify/error@1",
        "error": {"kind": "config", "message": "the file is wrong", "exit_code": 3, "hint": "mend it", "where": "a.yaml:1:2"},
    }
    Output(out=Pipe(), color="never").error(error, 3)
    assert capsys.readouterr().err == "error: a.yaml:1:2: the file is wrong\n  → mend it\n"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("a\x1b]0;x\x07b", "a\\x1b]0;x\\x07b"),
        ("user\u202egnp.exe", "user\\u202egnp.exe"),
        ("two\nlines\tand", "two\nlines\tand"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_times_are_ages_for_a_day_and_dates_after_it() -> None:
    now = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)
    assert show_time("2024-01-26T11:57:00Z", now=now) == "3m ago"
    assert show_time("2024-01-20T11:57:00Z", now=now).split()[1:3] == ["20", "Jan"]
    assert show_time(None) == ""
