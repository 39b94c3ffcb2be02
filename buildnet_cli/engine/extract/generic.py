"""What any command can die of: a full disk, a missing program, a signal; and what is said when nothing better is known."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator

from buildnet_cli.engine.extract.finding import Finding, Output

# dash, bash, zsh and busybox, each in its own order.
_NOT_FOUND = re.compile(
    r"^(?:\S.*?: )?(?:line )?(?:\d+: )?(?P<program>[^\s:]+): (?:command )?not found$|command not found: (?P<other>\S+)$"
)
# What a shell says of a command in a script, when make or pnpm gives the script's exit code another name.
_NOT_FOUND_WITHIN = re.compile(r"^(?:/\S+/)?\w*sh: (?:line )?\d+: (?P<program>[^\s:]+): (?:command )?not found$")
_NOT_ALLOWED = re.compile(r"^(?:\S.*?: )?(?:line )?(?:\d+: )?(?P<program>[^\s:]+): Permission denied$")
_DISK_FULL = re.compile(r"No space left on device|\bENOSPC\b|[Dd]isk quota exceeded")
_KILLED = re.compile(
    r"Killed signal terminated program (?P<program>\S+)|^(?:\S+: )?(?:line \d+: )?\s*\d* ?Killed\b"
    r"|\bOut of memory\b|OutOfMemoryError"
)
_PLACED = re.compile(r"^(?P<file>[^\s:][^:]{0,500}\.\w+):(?P<line>\d+):(?:\d+:)? (?:fatal )?[Ee]rror:? (?P<message>.+)$")
_MAKE = re.compile(
    r"^make(?:\[\d+\])?: \*\*\* (?:\[(?P<file>[^\]:]+):(?P<line>\d+): )?(?P<what>.+?)\]?(?: Error \d+|\.  Stop\.)?$"
)
_ERROR = re.compile(r"^(?:[\w.-]+: )?(?:fatal|FATAL|error|Error|ERROR)(?:\[\w+\])?: (?P<message>.+)$")


def find_cause(output: Output, exit_code: int) -> Iterator[Finding]:
    """What outdoes any compiler's complaint: the complaint would only be its consequence."""
    for at, text in enumerate(output.lines):
        if _DISK_FULL.search(text):
            yield Finding("Disk full", "no space left on the device", at, advice="free some space, then build again")
    if exit_code in (126, 127):
        pattern, words, advice = (
            (_NOT_FOUND, "Command not found", _INSTALL)
            if exit_code == 127
            else (_NOT_ALLOWED, "Command cannot be run", "make it executable: chmod +x {}")
        )
        for at, text in enumerate(output.lines):
            if match := pattern.search(text):
                program = match["program"] or match["other"] if exit_code == 127 else match["program"]
                yield Finding(words, program, at, code=str(exit_code), advice=advice.format(program))


def find(output: Output, exit_code: int) -> Iterator[Finding]:
    """The most that can be said of a tool nobody knows."""
    for at, text in enumerate(output.lines):
        if match := _PLACED.match(text):
            yield Finding("Compilation failed", match["message"], at, match["file"], int(match["line"]))
    for at, text in enumerate(output.lines):
        if match := _NOT_FOUND_WITHIN.match(text):
            program = match["program"]
            yield Finding("Command not found", program, at, code="127", advice=_INSTALL.format(program))
    last = len(output.lines) - 1
    for at, text in enumerate(output.lines):
        if match := _KILLED.search(text):
            program = match["program"] or "a process of the build"
            yield Finding("Killed", f"{program} was killed", at, code="SIGKILL", advice=_MEMORY)
    name = _signal_name(exit_code - 128)
    if name:
        yield Finding("Killed", f"ended by {name}", last, code=name, advice=_MEMORY if name == "SIGKILL" else "")
    for at, text in enumerate(output.lines):
        if match := _ERROR.match(text):
            yield Finding("Command failed", match["message"], at)
    for at, text in enumerate(output.lines):
        if match := _MAKE.match(text):
            yield Finding("make failed", match["what"], at, match["file"] or "", int(match["line"]) if match["line"] else None)
    said = next((text.strip() for text in reversed(output.lines) if text.strip()), "")
    yield Finding(f"Command failed with exit code {exit_code}", said, last, code=f"exit {exit_code}")


_INSTALL = "install {}, or add its folder to PATH"
_MEMORY = "look whether the machine ran out of memory"


def _signal_name(number: int) -> str:
    """`SIGKILL`; empty for a number that is no signal, as behind the 255 of many a tool."""
    return signal.Signals(number).name if number in set(signal.Signals) else ""
