"""The TypeScript compiler, in its plain and its pretty form."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

# `src/a.ts(4,3): error TS2322: …` and `src/a.ts:4:3 - error TS2322: …`; options are complained about without a place.
_COMPLAINT = re.compile(
    r"^(?:(?P<file>[^\s(:][^(:]{0,500})(?:\((?P<line>\d+),\d+\): |:(?P<pretty>\d+):\d+ - ))?"
    r"(?P<kind>error|warning) (?P<code>TS\d+): (?P<message>.+)$"
)

_ADVICE = {
    "TS2307": "install the module, or correct its path",
    "TS7016": "install the module's types",
    "TS2304": "define or import the name",
    "TS2552": "define or import the name",
    "TS6053": "correct the list of files in tsconfig.json",
    "TS18003": "correct include in tsconfig.json",
}


def find(output: Output) -> Iterator[Finding]:
    """`error TS…` lines."""
    for at, text in enumerate(output.lines):
        match = _COMPLAINT.match(text)
        if match:
            line = match["line"] or match["pretty"]
            yield Finding(
                "TypeScript compilation failed",
                match["message"],
                at,
                match["file"] or "",
                int(line) if line else None,
                match["code"],
                _ADVICE.get(match["code"], ""),
                match["kind"] == "warning",
            )
