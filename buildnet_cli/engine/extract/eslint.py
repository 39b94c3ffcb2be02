"""ESLint in its own format: a file's name, then its problems, indented."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

_FILE = re.compile(r"^(?P<file>\S.{0,500}\.(?:[cm]?[jt]sx?|vue|svelte|astro|json|html|md))$")
_PROBLEM = re.compile(r"^ {2,}(?P<line>\d+):\d+ +(?P<kind>error|warning) +(?P<message>\S.*?)(?: {2,}(?P<rule>\S+))?$")


def find(output: Output) -> Iterator[Finding]:
    """`line:column  error  message  rule` below the name of its file."""
    file = ""
    for at, text in enumerate(output.lines):
        if match := _FILE.match(text):
            file = match["file"]
        elif file and (match := _PROBLEM.match(text)):
            rule = match["rule"] or ""
            yield Finding(
                "Lint failed",
                f"{match['message']} ({rule})" if rule else match["message"],
                at,
                file,
                int(match["line"]),
                rule,
                is_warning=match["kind"] == "warning",
            )
        elif not text.strip():
            file = ""
