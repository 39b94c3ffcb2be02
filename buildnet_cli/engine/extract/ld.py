"""The linkers: GNU ld, gold and lld."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from buildnet_cli.engine.extract.finding import Finding, Output

_TITLE = "Linking failed"

_NO_LIBRARY = re.compile(
    r"^\S*\bld\S*: (?:error: )?(?:cannot find|unable to find library|library not found for) (?P<library>-l\S+?)(?::|$)"
)
# The place is `main.c:4`, `main.c:(.text+0x5)` or an object file, depending on what debug information there is.
_UNDEFINED = re.compile(
    r"^(?:\S*\bld\S*: )?(?P<file>[^\s:][^:]{0,500}):(?:(?P<line>\d+)|\([^)]+\)): undefined reference to [`'‘](?P<name>.+?)['’]$"
)
_UNDEFINED_LLD = re.compile(r"^\S*\bld\S*: error: undefined symbol: (?P<name>.+)$")
# Clang 22 with lld: the name alone, then in brackets the path, if there is debug information.
_REFERENCED_LLD = re.compile(r"^>>> referenced by [^\s:]+:\d+ \((?P<file>[^()\s:][^():]{0,500}):(?P<line>\d+)\)$")
_TWICE = re.compile(
    r"^(?:\S*\bld\S*: )?(?P<file>[^\s:][^:]{0,500}):(?:(?P<line>\d+)|\([^)]+\)): "
    r"multiple definition of [`'‘](?P<name>[^`'’]+)['’]"
)


def find(output: Output) -> Iterator[Finding]:
    """Missing libraries, undefined and doubly defined symbols."""
    for at, text in enumerate(output.lines):
        if match := _NO_LIBRARY.match(text):
            library = match["library"]
            advice = f"install the library {library.removeprefix('-l')}, or add its folder with -L"
            yield Finding(_TITLE, f"cannot find {library}", at, advice=advice)
        elif match := _UNDEFINED.match(text):
            yield _of_symbol(f"undefined reference to '{match['name']}'", match, at, "define it, or link what does")
        elif match := _TWICE.match(text):
            yield _of_symbol(f"multiple definition of '{match['name']}'", match, at, "define it in one place only")
        elif match := _UNDEFINED_LLD.match(text):
            yield _undefined_lld(match["name"], output.lines, at)


def _undefined_lld(name: str, lines: Sequence[str], at: int) -> Finding:
    message, advice = f"undefined symbol '{name}'", "define it, or link what does"
    place = _REFERENCED_LLD.match(lines[at + 1]) if at + 1 < len(lines) else None
    if place is None:
        return Finding(_TITLE, message, at, advice=advice)
    return Finding(_TITLE, message, at, place["file"], int(place["line"]), advice=advice)


def _of_symbol(message: str, match: re.Match[str], at: int, advice: str) -> Finding:
    # Without debug information the linker knows a file's name, but not where it lies.
    if match["line"] is None:
        return Finding(_TITLE, f"{message} in {match['file']}", at, advice=advice)
    return Finding(_TITLE, message, at, match["file"], int(match["line"]), advice=advice)
