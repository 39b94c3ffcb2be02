"""Our commands as Discord offers them while somebody types, and back: `/buildnet cache clear` is CACHE CLEAR. Pure.

Source: Discord "Application Commands": names of 1–32 lower-case characters, descriptions of 1–100, 25 options, 8,000 characters
in all; option types 1 subcommand, 2 group, 3 string, 5 boolean.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from buildnet_cli.channels.incoming import text
from buildnet_cli.commands.registry import Command
from buildnet_cli.errors import UsageError
from buildnet_cli.messages.fit import fit

NAME: Final = "buildnet"

_SUBCOMMAND, _GROUP, _STRING, _BOOLEAN = 1, 2, 3, 5
_LONGEST_DESCRIPTION = 100
_LONGEST_VALUE = 100
_ARGUMENT = re.compile(r"(\[?)(--)?([a-z]+)\]?")

# Answers to a question; they are words of the grammar and no commands.
_YES = {"name": "code", "description": "The code you were given", "type": _STRING, "required": True}
_ANSWERS: Final[list[dict[str, Any]]] = [
    {"name": "yes", "description": "Run the command that asked for a code", "type": _SUBCOMMAND, "options": [_YES]},
    {"name": "no", "description": "Run no command that waits for its code", "type": _SUBCOMMAND},
]


def definitions(commands: Mapping[str, Command]) -> list[dict[str, Any]]:
    """All that is registered with Discord: one command, whose parts are ours. commands: by name."""
    parts: dict[str, dict[str, Any]] = {}
    for command in commands.values():
        first, _, second = command.name.lower().partition(" ")
        if not second:
            parts[first] = _subcommand(first, command)
            continue
        group = parts.setdefault(first, {"name": first, "description": f"{first} …", "type": _GROUP, "options": []})
        group["options"].append(_subcommand(second, command))
    return [{"name": NAME, "type": 1, "description": "Ask the build system", "options": [*parts.values(), *_ANSWERS]}]


def text_of(data: dict[str, Any], commands: Mapping[str, Command]) -> str:
    """The command as it would be typed, such as `BUILD api --force`. data: of the interaction.

    Raises UsageError if it is none of ours.
    """
    words, given = [], data
    if text(data, "name") != NAME:
        raise UsageError("the request is for another command than /buildnet")
    while parts := [part for part in _options(given) if part.get("type") in (_SUBCOMMAND, _GROUP)]:
        given = parts[0]
        words.append(text(given, "name").upper())
    name = " ".join(words)
    values = {text(option, "name"): option.get("value") for option in _options(given)}
    usage = commands[name].usage if name in commands else "code" if name == "YES" else ""
    return " ".join([name, *_arguments(usage, values)])


def _subcommand(name: str, command: Command) -> dict[str, Any]:
    return {
        "name": name,
        "description": fit(command.help, _LONGEST_DESCRIPTION),
        "type": _SUBCOMMAND,
        "options": [
            {
                "name": argument,
                "description": f"{argument}, as {command.signature} takes it"[:_LONGEST_DESCRIPTION],
                "type": _BOOLEAN if is_switch else _STRING,
                "required": not may_lack,
            }
            for argument, may_lack, is_switch in _usage(command.usage)
        ],
    }


def _arguments(usage: str, values: Mapping[str, Any]) -> Iterator[str]:
    """In the order in which the command takes them; people fill them in in any."""
    for argument, _, is_switch in _usage(usage):
        value = values.get(argument)
        if is_switch and value is True:
            yield f"--{argument}"
        elif not is_switch and isinstance(value, str):
            yield value[:_LONGEST_VALUE].encode("utf-8", "replace").decode("utf-8")


def _usage(usage: str) -> Iterator[tuple[str, bool, bool]]:
    """Each argument: its name, whether it may be left out, and whether it is a switch."""
    for bracket, hyphens, name in _ARGUMENT.findall(usage):
        yield name, bool(bracket), bool(hyphens)


def _options(given: dict[str, Any]) -> list[dict[str, Any]]:
    options = given.get("options")
    return [option for option in options if isinstance(option, dict)] if isinstance(options, list) else []
