"""pytest: the failed tests of its report, at the place where each one failed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from buildnet_cli.engine.extract.finding import Finding, Output
from buildnet_cli.engine.extract.python import advice_for

_IS_PYTEST = re.compile(r"^=+ (?:test session starts|FAILURES|ERRORS|short test summary info) =+$")
_SECTION = re.compile(r"^_{2,} (?:ERROR (?:collecting|at setup of|at teardown of) )?(?P<name>\S.{0,500}?) _{2,}$")
_SAID = re.compile(r"^E {2,}(?P<words>\S.*)$")
_PLACE = re.compile(r"^(?P<file>[^\s:][^:]{0,500}\.py):(?P<line>\d+): (?P<what>\S.*)$")
_SUMMARY = re.compile(r"^(?:FAILED|ERROR) (?P<node>\S+?\.py(?:::\S+(?:\[.*?\])?)?)(?: - (?P<words>.*))?$")
_COUNTS = re.compile(r"^(?:=+ )?(?:\d+ \w+, )*?(?P<count>\d+) (?P<what>failed|errors?)\b.* in [\d.]+s")


@dataclass(slots=True)
class _Section:
    """What the report says of one test."""

    words: str = ""
    file: str = ""
    line: int | None = None


def find(output: Output) -> Iterator[Finding]:
    """One finding for each test that the summary names; for each section of the report where there is no summary."""
    if not any(_IS_PYTEST.match(line) for line in output.lines):
        return
    sections = _sections(output)
    summary = [(at, match) for at, line in enumerate(output.lines) if (match := _SUMMARY.match(line))]
    title = _title(output, len(summary) or len(sections))
    for at, match in summary:
        file, _, test = match["node"].partition("::")
        section = sections.get(test.replace("::", ".") or file, _Section())
        words = match["words"] or section.words
        yield Finding(
            title,
            f"{match['node']} - {words}" if words else match["node"],
            at,
            section.file or file,
            section.line,
            advice=advice_for(section.words),
        )
    if not summary:
        for name, section in sections.items():
            yield Finding(
                title,
                f"{name} - {section.words}",
                len(output.lines) - 1,
                section.file,
                section.line,
                advice=advice_for(section.words),
            )


def _sections(output: Output) -> dict[str, _Section]:
    sections: dict[str, _Section] = {}
    current: _Section | None = None
    for at, line in enumerate(output.lines):
        if match := _SECTION.match(line):
            current = sections.setdefault(match["name"], _Section())
        elif line.startswith("==="):
            current = None
        elif current is None:
            continue
        elif match := _SAID.match(line):
            current.words = current.words or match["words"]
        elif (match := _PLACE.match(line)) and output.is_ours(match["file"], at):
            current.file, current.line = match["file"], int(match["line"])
    return sections


def _title(output: Output, found: int) -> str:
    count = found
    for line in reversed(output.lines[-40:]):
        if match := _COUNTS.match(line):
            count = int(match["count"])
            break
    return f"{count} test failed" if count == 1 else f"{count} tests failed"
