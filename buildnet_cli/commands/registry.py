"""The list of commands. It lives only here: help, completion, permissions and documentation are made from it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final

from buildnet_cli.commands.model import Context, Level, Reply
from buildnet_cli.redact import MASK

Handler = Callable[[Context, tuple[str, ...]], Awaitable[Reply]]

_ARGUMENT = re.compile(r"\[(?:--)?[a-z]+\]|[a-z]+")
_REST = "..."


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table of commands.

    usage: its arguments, `[package]` for one that may be left out, `[--force]` for an option, `value...` for all that follows.
    help: the first line of its handler's docstring.
    preview: what it would do, for whoever is to confirm it: words such as `remove 3 artifacts`; None if nobody can say.
    is_masked: whether its last argument may be a secret, and is written down nowhere.
    """

    name: str
    usage: str
    level: Level
    help: str
    handler: Handler
    preview: Handler | None = None
    is_masked: bool = False

    @property
    def permission(self) -> str:
        """The word that permits it: `status`, `cache.clear`."""
        return self.name.lower().replace(" ", ".")

    @property
    def fewest(self) -> int:
        """How many arguments it needs."""
        return sum(1 for argument in _ARGUMENT.findall(self.usage) if not argument.startswith("["))

    @property
    def most(self) -> int:
        """How many arguments it takes."""
        if self.usage.endswith(_REST):
            return sys.maxsize
        return len(_ARGUMENT.findall(self.usage))

    def recorded(self, words: tuple[str, ...]) -> str:
        """The command as it is written down: `CONFIG SET key ***`."""
        kept = (*words[: self.fewest - 1], *([MASK] if len(words) >= self.fewest else [])) if self.is_masked else words
        return " ".join((self.name, *kept))

    @property
    def signature(self) -> str:
        return f"{self.name} {self.usage}".strip()


_commands: dict[str, Command] = {}

ALIASES: Final = {"?": "HELP", "COMMANDS": "HELP", "HALT": "STOP", "STOP DAEMON": "STOP"}
"""Other words for a command, where carriers or habit demand them."""


def command(
    name: str, usage: str = "", *, level: Level, preview: Handler | None = None, is_masked: bool = False
) -> Callable[[Handler], Handler]:
    """Register a coroutine as a command. Its docstring's first line becomes the help text."""

    def register(handler: Handler) -> Handler:
        if name in _commands:
            raise ValueError(f"the command {name} is registered twice")
        _commands[name] = Command(name, usage, level, (handler.__doc__ or "").partition("\n")[0], handler, preview, is_masked)
        return handler

    return register


def commands() -> dict[str, Command]:
    """Every command by name, in the order of HELP."""
    package = importlib.import_module("buildnet_cli.commands.handlers")
    for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
        importlib.import_module(module.name)
    return dict(sorted(_commands.items()))
