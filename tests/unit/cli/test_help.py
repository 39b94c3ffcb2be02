"""Help begins with an example and cuts nothing; a wrong word gets one sentence and one next step."""

from __future__ import annotations

import json

import pytest

from buildnet_cli.cli.app import PLANNED
from buildnet_cli.cli.main import run
from buildnet_cli.completion_tree import COMMANDS


@pytest.mark.parametrize("command", COMMANDS)
def test_help_begins_with_an_example_and_cuts_no_sentence(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*command.split(), "--help"]) == 0
    text = capsys.readouterr().out
    assert text.splitlines()[0].startswith("  $ ")
    assert f"buildnet-notify {command}".strip() in text.splitlines()[0]
    assert "..." not in text.replace("[ARGS]...", "")


@pytest.mark.parametrize(("group", "name"), [(group, name) for group, names in PLANNED.items() for name in names])
def test_a_command_that_is_to_come_says_so(group: str, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    words = group.split()[1:]
    assert run([*words, name, "list"]) == 11
    assert capsys.readouterr().err.startswith(f"error: {name} is not supported yet\n")
    assert run(["--json", *words, name]) == 11
    assert json.loads(capsys.readouterr().out)["error"]["kind"] == "unsupported"
    assert " ".join([*words, name]) not in COMMANDS, "it is there: take it off the list"


@pytest.mark.parametrize(
    ("line", "message", "hint"),
    [
        ("statsu", 'There is no command "statsu"', 'did you mean "status"?'),
        ("config valdate", 'There is no command "valdate"', 'did you mean "validate"?'),
        ("brew", 'There is no command "brew"', "see: buildnet-notify --help"),
        ("agent brew", 'There is no command "brew"', "see: buildnet-notify agent --help"),
    ],
)
def test_a_wrong_word_gets_one_sentence_and_one_next_step(
    line: str, message: str, hint: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 2
    assert capsys.readouterr().err == f"error: {message}\n  → {hint}\n"
