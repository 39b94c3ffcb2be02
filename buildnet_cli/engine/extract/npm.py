"""npm and pnpm, when they fail on their own account and not on that of the script they ran."""

from __future__ import annotations

import re
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

_NPM = re.compile(r"^npm (?:ERR!|error) (?P<words>\S.*)$")
_CODE = re.compile(r"^code (?P<code>[A-Z]\w+)$")
_PNPM = re.compile(r"^\s*(?P<code>ERR_PNPM_\w+)\s+(?P<words>\S.*)$")
_MISSING_SCRIPT = re.compile(r'^Missing script: "?(?P<script>[^"\s]+)"?')

# Where it happened, and that it happened; never why.
_CIRCUMSTANCES = re.compile(
    r"^(?:code|path|workspace|location|command|syscall|errno|dest|signal|cwd)\b|^Lifecycle script|^A complete log"
    r"|^This is probably not a problem with npm|^Exit status \d+|^Failed at the"
)
# pnpm's word for "the script failed".
_SCRIPT_FAILED = ("ERR_PNPM_RECURSIVE_RUN_FIRST_FAIL", "ERR_PNPM_RECURSIVE_EXEC_FIRST_FAIL")


def find(output: Output) -> Iterator[Finding]:
    """The reason that npm or pnpm gives, with its code."""
    code = ""
    has_reason = False
    for at, text in enumerate(output.lines):
        if match := _PNPM.match(text):
            if match["code"] not in _SCRIPT_FAILED:
                yield Finding("pnpm failed", match["words"], at, code=match["code"], advice=_advice(match["words"]))
        elif match := _NPM.match(text):
            words = match["words"]
            if named := _CODE.match(words):
                code, has_reason = named["code"], False
            elif not has_reason and not _CIRCUMSTANCES.match(words):
                has_reason = True
                reason = f"{code}: {words}" if code and code not in words else words
                yield Finding("npm failed", reason, at, code=code, advice=_advice(words))


def _advice(words: str) -> str:
    missing = _MISSING_SCRIPT.match(words)
    return f'add the script "{missing["script"]}" to package.json' if missing else ""
