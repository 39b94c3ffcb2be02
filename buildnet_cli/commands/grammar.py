"""From what somebody typed to a command and its arguments. Pure; nothing here is ever passed to a shell."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from buildnet_cli.errors import UsageError

LONGEST = 500
"""Characters that a command may have."""

CODE_LENGTHS = range(6, 11)
"""Digits that a confirmation code may have."""

_HELP = "send HELP for the list"
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


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody says to the question whether a command shall run.

    word: YES, NO or CONFIRM; YES if it was a bare code. code: as it was typed, blanks and hyphens aside; empty if there is none.
    """

    word: str
    code: str


def read_answer(text: str) -> Answer | None:
    """Read `YES 483920`, `CONFIRM 483920`, the bare code, or `NO`; None if it is something else."""
    words = _bare(text).split()
    if not words or len(text) > LONGEST:
        return None
    code = as_code("".join(words))
    if len(code) in CODE_LENGTHS and code.isascii() and code.isdigit():
        return Answer("YES", code)
    word = words[0].translate(_ASCII_UPPER)
    is_answer = word in ("YES", "CONFIRM") or (word == "NO" and len(words) == 1)
    return Answer(word, as_code("".join(words[1:]))) if is_answer else None


def as_code(text: str) -> str:
    """A confirmation code without the blanks and hyphens that make it easier to read."""
    return text.translate({ord(" "): None, ord("-"): None})


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
        raise UsageError(
            "send one command on one line of plain text; this holds control characters", hint="send HELP for the list"
        )
    stripped = _bare(stripped)
    words = tuple(stripped.split())
    if not words:
        raise UsageError("there is no command", hint=_HELP)
    upper = tuple(word.translate(_ASCII_UPPER) for word in words)
    for count in range(min(3, len(words)), 0, -1):
        name = " ".join(upper[:count])
        name = aliases.get(name, name)
        if name in names:
            return Parsed(name, words[count:])
    raise UsageError(f"{stripped[:80]!a} is no command", hint=_suggestion(upper, words, names))


def _bare(text: str) -> str:
    """Without what people put before a command to address us."""
    stripped = text.strip()
    while match := _ADDRESSED.match(stripped):
        stripped = stripped[match.end() :]
    return stripped


def _suggestion(upper: tuple[str, ...], words: tuple[str, ...], names: Collection[str]) -> str:
    family = sorted(name for name in names if name.startswith(f"{upper[0]} ")) if len(upper) == 1 else []
    if family:
        return f"did you mean {' or '.join(family)}?"
    for count in range(min(2, len(upper)), 0, -1):
        near = difflib.get_close_matches(" ".join(upper[:count]), names, n=1, cutoff=0.7)
        if near:
            return f"did you mean {' '.join((near[0], *words[count:]))}? {_HELP}"
    return _HELP
