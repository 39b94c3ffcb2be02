"""mypy and ruff, the checkers of Python code."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

_MYPY = re.compile(
    r"^(?P<file>[^\s:][^:]{0,500}\.pyi?):(?P<line>\d+):(?:\d+:)? error: (?P<message>.+?)(?:  \[(?P<code>[\w-]+)\])?$"
)
_RUFF = re.compile(r"^(?P<code>[A-Z]+\d+|invalid-syntax):? (?:\[\*\] )?(?P<message>.+)$")
_RUFF_PLACE = re.compile(r"^\s*--> (?P<file>.{1,500}?\.pyi?):(?P<line>\d+):\d+$")
_RUFF_CONCISE = re.compile(
    r"^(?P<file>[^\s:][^:]{0,500}\.pyi?):(?P<line>\d+):\d+: (?P<code>[A-Z]+\d+) (?:\[\*\] )?(?P<message>.+)$"
)


def find(output: Output) -> Iterator[Finding]:
    """mypy's errors, and ruff's in its full and its concise form."""
    for at, text in enumerate(output.lines):
        if match := _MYPY.match(text):
            yield Finding("Type check failed", match["message"], at, match["file"], int(match["line"]), match["code"] or "")
        elif match := _RUFF_CONCISE.match(text):
            yield Finding("Lint failed", match["message"], at, match["file"], int(match["line"]), match["code"])
        elif (match := _RUFF.match(text)) and at + 1 < len(output.lines) and (place := _RUFF_PLACE.match(output.lines[at + 1])):
            yield Finding("Lint failed", match["message"], at, place["file"], int(place["line"]), match["code"])
