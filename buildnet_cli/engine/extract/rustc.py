"""The Rust compiler and the tests that cargo runs."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from buildnet_cli.engine.extract.finding import Finding, Output

_COMPLAINT = re.compile(r"^(?P<kind>error|warning)(?:\[(?P<code>[A-Z]\d+)\])?: (?P<message>.+)$")
_PLACE = re.compile(r"^\s*--> (?P<file>.{1,500}?):(?P<line>\d+):\d+$")
_PANIC = re.compile(r"^thread '(?P<test>[^']{1,500})' (?:\(\d+\) )?panicked at (?P<file>[^:]{1,500}):(?P<line>\d+):\d+:$")


def find(output: Output) -> Iterator[Finding]:
    """`error[E…]` with the place on a following line, and panics of tests."""
    for at, text in enumerate(output.lines):
        match = _COMPLAINT.match(text)
        if match:
            place = _place(output.lines[at + 1 : at + 4])
            code = match["code"] or ""
            # Without a code and a place it is a summary, or another tool altogether.
            if place is not None or code:
                yield Finding(
                    "Rust compilation failed",
                    match["message"],
                    at,
                    place["file"] if place is not None else "",
                    int(place["line"]) if place is not None else None,
                    code,
                    f"rustc --explain {code} tells more" if code else "",
                    match["kind"] == "warning",
                )
        elif panic := _PANIC.match(text):
            words = output.lines[at + 1].strip() if at + 1 < len(output.lines) else ""
            message = f"{panic['test']}: {words}".rstrip(": ")
            yield Finding("Rust tests failed", message, at, panic["file"], int(panic["line"]))


def _place(following: Sequence[str]) -> re.Match[str] | None:
    for line in following:
        if match := _PLACE.match(line):
            return match
    return None
