"""Python: tracebacks, syntax errors, and the tests of unittest."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

_FRAME = re.compile(r'^\s+(?:\| )?File "(?P<file>[^"]{1,500})", line (?P<line>\d+)')
_RAISED = re.compile(r"^(?P<exception>[A-Za-z_][\w.]{0,200})(?:: (?P<words>.+))?$")
_TEST = re.compile(r"^(?:FAIL|ERROR): (?P<test>\S+)(?: \(.+\))?$")
_MISSING_MODULE = re.compile(r"No module named '(?P<module>[^'.]+)")
_CHAINED = (
    "During handling of the above exception, another exception occurred:",
    "The above exception was the direct cause of the following exception:",
)


def find(output: Output) -> Iterator[Finding]:
    """The exception that ended each traceback, at its last place in the workspace."""
    place: tuple[str, int] | None = None
    in_frames = False
    test = ""
    last: Finding | None = None
    for at, text in enumerate(output.lines):
        if frame := _FRAME.match(text):
            if place is None or not in_frames or output.is_ours(frame["file"], at):
                place = (frame["file"], int(frame["line"]))
            in_frames = True
        elif in_frames and text and not text.startswith((" ", "\t")):
            in_frames = False
            raised = _RAISED.match(text)
            if raised and place is not None:
                if last is not None:
                    yield last
                last = _finding(raised, place, at, test)
                test = ""
        elif match := _TEST.match(text):
            test = match["test"]
        elif text in _CHAINED:
            # What was raised last is what ended the program.
            last = None
    if last is not None:
        yield last


def _finding(raised: re.Match[str], place: tuple[str, int], at: int, test: str) -> Finding:
    exception = raised["exception"].rpartition(".")[2]
    words = f"{exception}: {raised['words']}" if raised["words"] else exception
    title = "Python tests failed" if test else "Python error"
    message = f"{test}: {words}" if test else words
    file, line = place if not place[0].startswith("<") else ("", None)  # as <string> of `python -c`: nothing to review
    return Finding(title, message, at, file, line, code=exception, advice=advice_for(words))


def advice_for(words: str) -> str:
    """What helps against an exception; empty if nothing in particular does."""
    missing = _MISSING_MODULE.search(words)
    return f"install the Python module {missing['module']}, or correct the import" if missing else ""
