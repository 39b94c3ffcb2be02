"""Global options, wherever in the line they stand."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

from buildnet_cli.cli.context import GlobalOptions
from buildnet_cli.errors import UsageError

_FLAGS: Final = {
    "--json": "json",
    "-q": "quiet",
    "--quiet": "quiet",
    "-v": "verbose",
    "--verbose": "verbose",
    "--no-input": "no-input",
}
_VALUES: Final = {"--config", "--project", "--color"}
_COLORS: Final = ("auto", "always", "never")


def split_global_options(argv: list[str]) -> tuple[GlobalOptions, list[str]]:
    """Take the global options out of a command line, up to a bare `--`; what is left is the command's own.

    Raises UsageError for an option without its value, or a colour that is none.
    """
    flags: list[str] = []
    values: dict[str, str] = {}
    rest: list[str] = []
    words = iter(argv)
    for word in words:
        name, equals, attached = word.partition("=")
        if word == "--":
            rest += [word, *words]
        elif word in _FLAGS:
            flags.append(_FLAGS[word])
        elif len(word) > 2 and word[0] == "-" and word.strip("v") == "-":
            flags += ["verbose"] * (len(word) - 1)
        elif name in _VALUES:
            value = attached if equals else next(words, "")
            if not value:
                raise UsageError(f"{name} needs a value", hint="see: buildnet-notify --help")
            values[name] = value
        else:
            rest.append(word)
    return _checked(flags, values), rest


def _checked(flags: list[str], values: dict[str, str]) -> GlobalOptions:
    color = values.get("--color", "auto")
    if color not in _COLORS:
        raise UsageError(f"--color {ascii(color)[:80]} is none of {', '.join(_COLORS)}")
    return GlobalOptions(
        config=_path(values.get("--config")),
        project=_path(values.get("--project")),
        as_json="json" in flags,
        is_quiet="quiet" in flags,
        verbosity=flags.count("verbose"),
        color=color,
        may_ask="no-input" not in flags and os.isatty(0),
    )


def _path(text: str | None) -> Path | None:
    return Path(text) if text is not None else None
