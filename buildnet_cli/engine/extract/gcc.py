"""gcc and clang, for C, C++ and their relatives."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

# Others (mypy, swiftc) write the same shape, so the file's suffix decides.
_COMPLAINT = re.compile(
    r"^(?P<file>[^\s:][^:]{0,500}\.(?:[cChHmMsSly]|cc|cpp|cxx|c\+\+|hh|hpp|hxx|ipp|tpp|mm|cu|cuh|inc|def|ixx)):"
    r"(?P<line>\d+):(?:\d+:)? (?P<kind>fatal error|error|warning): (?P<message>.+?)(?: \[(?P<flag>-W[^\]]+)\])?$"
)
_MISSING_HEADER = re.compile(r"^'?(?P<header>[^\s':]+)'?(?:: No such file or directory| file not found)$")


def find(output: Output) -> Iterator[Finding]:
    """`file:line:column: error: …` lines."""
    for at, text in enumerate(output.lines):
        match = _COMPLAINT.match(text)
        if match:
            header = _MISSING_HEADER.match(match["message"])
            yield Finding(
                "C/C++ compilation failed",
                match["message"],
                at,
                match["file"],
                int(match["line"]),
                match["flag"] or "",
                f"install the package that provides {header['header']}, or add its folder with -I" if header else "",
                match["kind"] == "warning",
            )
