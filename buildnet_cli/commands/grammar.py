"""From what somebody typed to a command and its arguments. Pure; nothing here is ever passed to a shell."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from buildnet_cli.errors import UsageError

LONGEST = 500
"""Characters that a command may have."""

_ADDRESSED = re.compile(r"(?:[/!]|\[buildnet\]\s*|@[a-z0-9_.-]+\s+|buildnet\s+)", re.IGNORECASE | re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069]")
_ASCII_UPPER = {ord(letter): letter.upper() for letter in "abcdefghijklmnopqrstuvwxyz"}


@dataclass(frozen=True, slots=True)
class Parsed:
    """A command as it was understood.

    name: its canonical name. words: its arguments, as they were typed.
    """

    name: str
    words: tuple[str, ...]

    @property
    def text(self) -> str:
        """The canonical form, such as `BUILD api`."""
        return " ".join((self.name, *self.words))


def parse(text: str, names: Collection[str], aliases: Mapping[str, str]) -> Parsed:
    """Read a command.

    Only ASCII letters fold, so that no look-alike passes for a command word; arguments keep their case. The longest name wins.
    names: canonical names, in capitals. aliases: other words for them.
    Raises UsageError, with the nearest command as a hint.
    """
    stripped = text.strip()
    if len(stripped) > LONGEST:
        raise UsageError(f"a command has at most {LONGEST} characters; this has {len(stripped)}")
    if _CONTROL.search(stripped):
        raise UsageError("a command is one line of plain text; this holds control characters")
    while match := _ADDRESSED.match(stripped):
        stripped = stripped[match.end() :]
    words = tuple(stripped.split())
    if not words:
        raise UsageError("there is no command", hint="send HELP for the list")
    upper = tuple(word.translate(_ASCII_UPPER) for word in words)
    for count in range(min(3, len(words)), 0, -1):
        name = " ".join(upper[:count])
        name = aliases.get(name, name)
        if name in names:
            return Parsed(name, words[count:])
    raise UsageError(f"{stripped[:80]!a} is no command", hint=_suggestion(upper, words, names))


def _suggestion(upper: tuple[str, ...], words: tuple[str, ...], names: Collection[str]) -> str:
    family = sorted(name for name in names if name.startswith(f"{upper[0]} ")) if len(upper) == 1 else []
    if family:
        return f"did you mean {' or '.join(family)}?"
    for count in range(min(2, len(upper)), 0, -1):
        near = difflib.get_close_matches(" ".join(upper[:count]), names, n=1, cutoff=0.7)
        if near:
            return f"did you mean {' '.join((near[0], *words[count:]))}?"
    return "send HELP for the list"
