"""The Go compiler, vet and `go test`."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

_COMPLAINT = re.compile(r"^(?P<file>[^\s:][^:]{0,500}\.go):(?P<line>\d+):(?:\d+:)? (?:vet: )?(?P<message>.+)$")
_FAILED_TEST = re.compile(r"^\s*--- FAIL: (?P<test>\S+)")
_SAID = re.compile(r"^\s+(?P<file>[^\s:]{1,500}_test\.go):(?P<line>\d+): (?P<message>.+)$")
_PANIC = re.compile(r"^panic: (?P<message>.+?)(?: \[recovered.*)?$")
_FRAME = re.compile(r"^\t(?P<file>/[^:]{1,500}\.go):(?P<line>\d+)(?: \+0x|$)")
_MISSING = re.compile(
    r"cannot find (?:module providing )?package (?P<package>[^\s:]+)|no required module provides package (?P<other>[^\s:;]+)"
)


def find(output: Output) -> Iterator[Finding]:
    """Complaints with a place, and failed tests with what they said."""
    test = ""
    for at, text in enumerate(output.lines):
        if match := _COMPLAINT.match(text):
            missing = _MISSING.search(match["message"])
            advice = f"go get {missing['package'] or missing['other']}" if missing else ""
            yield Finding("Go build failed", match["message"], at, match["file"], int(match["line"]), advice=advice)
        elif match := _FAILED_TEST.match(text):
            test = match["test"]
        elif test and (match := _SAID.match(text)):
            yield Finding("Go tests failed", f"{test}: {match['message']}", at, match["file"], int(match["line"]))
            test = ""
        elif test and (match := _PANIC.match(text)):
            file, line = _own_frame(output, at)
            yield Finding("Go tests failed", f"{test}: panic: {match['message']}", at, file, line)
            test = ""


def _own_frame(output: Output, start: int) -> tuple[str, int | None]:
    """The first place in a panic's stack that lies in the workspace."""
    for at in range(start, min(start + 60, len(output.lines))):
        frame = _FRAME.match(output.lines[at])
        if frame and output.is_ours(frame["file"], at):
            return frame["file"], int(frame["line"])
    return "", None
