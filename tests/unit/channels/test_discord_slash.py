"""Our commands as Discord offers them, and what comes back of them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest

from buildnet_cli.channels.discord.slash import definitions, text_of
from buildnet_cli.commands import grammar
from buildnet_cli.commands.registry import ALIASES, Command, commands

COMMANDS = commands()


def subcommands(parts: list[dict[str, Any]], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    for part in parts:
        here = (*path, part["name"])
        if part["type"] == 1:
            yield here, part
        elif part["type"] == 2:
            yield from subcommands(part["options"], here)


def chosen(path: tuple[str, ...], options: list[dict[str, Any]]) -> dict[str, Any]:
    """The data of an interaction."""
    found: dict[str, Any] = {"name": path[-1], "type": 1, "options": options}
    for name in reversed(path[:-1]):
        found = {"name": name, "type": 2, "options": [found]}
    return {"name": "buildnet", "type": 1, "options": [found]}


def test_every_command_is_offered_once_and_comes_back_as_itself() -> None:
    (root,) = definitions(COMMANDS)
    names = {
        grammar.parse(text_of(chosen(path, []), COMMANDS), COMMANDS, ALIASES).name
        for path, _ in subcommands(root["options"])
        if path not in {("yes",), ("no",)}
    }
    assert names == set(COMMANDS)


def test_discord_takes_what_is_registered() -> None:
    (root,) = definitions(COMMANDS)
    assert len(json.dumps(root)) < 8_000
    assert len(root["options"]) <= 25
    for _, part in subcommands(root["options"]):
        given = part.get("options", [])
        assert [option["required"] for option in given] == sorted((option["required"] for option in given), reverse=True)
        for one in (part, *given):
            assert re.fullmatch(r"[a-z]{1,32}", one["name"])
            assert 1 <= len(one["description"]) <= 100


def test_arguments_come_in_the_order_of_the_command_whatever_the_order_they_were_filled_in() -> None:
    options = [{"name": "force", "type": 5, "value": True}, {"name": "package", "type": 3, "value": "api"}]
    assert text_of(chosen(("build",), options), COMMANDS) == "BUILD api --force"
    moved = {"MOVE": Command("MOVE", "from to [--now]", COMMANDS["BUILD"].level, "Move.", COMMANDS["BUILD"].handler)}
    options = [{"name": "to", "type": 3, "value": "b"}, {"name": "from", "type": 3, "value": "a"}]
    assert text_of(chosen(("move",), options), moved) == "MOVE a b"


@pytest.mark.parametrize("value", [False, None, "true", 1])
def test_a_switch_that_is_not_on_is_left_out(value: Any) -> None:
    assert text_of(chosen(("build",), [{"name": "force", "type": 5, "value": value}]), COMMANDS) == "BUILD"


def test_a_code_and_a_refusal_are_answers() -> None:
    said = text_of(chosen(("yes",), [{"name": "code", "type": 3, "value": "483 920"}]), COMMANDS)
    assert grammar.read_answer(said) == grammar.Answer("YES", "483920")
    assert grammar.read_answer(text_of(chosen(("no",), []), COMMANDS)) == grammar.Answer("NO", "")
