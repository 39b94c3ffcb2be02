"""From a build's output to the one error that a person is told first."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from buildnet_cli.duration import format_duration
from buildnet_cli.engine.extract import eslint, gcc, generic, golang, ld, npm, pytest, python, python_checks, rustc, tsc
from buildnet_cli.engine.extract.finding import Finding, Output
from buildnet_cli.engine.model import BuildError

TAIL_LINES = 12
_TAIL_LINE = 300
_MAX_MESSAGE = 200

# Compilers first: what links, tests or wraps their work fails for no reason of its own when they do.
_FAMILIES = (gcc, rustc, tsc, golang, python_checks, eslint, pytest, ld, python, npm)

# What differs between two occurrences of one fault: addresses, numbers, and the names in quotes.
_FOLDED = re.compile(r"0x[0-9a-fA-F]+|\b[0-9a-f]{7,64}\b|\d+|'[^']*'|\"[^\"]*\"|`[^`']*[`']|‘[^’]*’|“[^”]*”")


def extract(text: str, *, root: Path, cwd: Path, exit_code: int, timed_out_after: timedelta | None = None) -> BuildError:
    """Why a build failed.

    text: its output, stdout and stderr as they came.
    root, cwd: the workspace, and the folder inside it that the command ran in; both absolute.
    exit_code: as a shell tells it, 128 + n for signal n.
    timed_out_after: the time limit, if that is what ended it.
    """
    output = Output(text, root=root, cwd=cwd)
    if timed_out_after is not None:
        return _timed_out(output, timed_out_after)
    found = _first_group(output, exit_code)
    first = found[0]
    file = output.relative(first.file, first.at) if first.file else ""
    return BuildError(
        headline=_headline(first, others=len(found) - 1),
        file=file,
        line=first.line,
        suggestion=_suggestion(file, first),
        tail=_tail(output),
        fingerprint=_fingerprint(first.title, first.code, file, first.message),
    )


def not_started(folder: str, reason: str) -> BuildError:
    """The error of a command that could not even be begun in its folder."""
    headline = f"Command not started in {folder}: {reason.lower()}"
    suggestion = "Check the package's path in the project file"
    return BuildError(headline, suggestion=suggestion, fingerprint=_fingerprint("Command not started", reason, folder, ""))


def _timed_out(output: Output, limit: timedelta) -> BuildError:
    return BuildError(
        f"Timed out after {format_duration(limit)}",
        suggestion="Look in the log for what it waits for, or raise the package's timeout_secs",
        tail=_tail(output),
        fingerprint=_fingerprint("Timed out", "", "", ""),
    )


def _first_group(output: Output, exit_code: int) -> list[Finding]:
    """The findings of the family that knows best: the first that has errors, else the first that has warnings."""
    groups: list[Iterable[Finding]] = [generic.find_cause(output, exit_code), *(family.find(output) for family in _FAMILIES)]
    warnings: list[Finding] = []
    for group in groups:
        found = _distinct(group)
        errors = [finding for finding in found if not finding.is_warning]
        if errors:
            return errors
        warnings = warnings or found
    # A command that failed for its warnings, and has no word of its own to say, was told to treat them as errors.
    fallback = next(iter(generic.find(output, exit_code)))
    return warnings if warnings and fallback.code.startswith("exit ") else [fallback]


def _distinct(found: Iterable[Finding]) -> list[Finding]:
    seen: dict[tuple[str, int | None, str, str], Finding] = {}
    for finding in found:
        seen.setdefault((finding.file, finding.line, finding.code, "" if finding.line else finding.message), finding)
    return list(seen.values())


def _headline(first: Finding, *, others: int) -> str:
    message = first.message if len(first.message) <= _MAX_MESSAGE else first.message[: _MAX_MESSAGE - 1] + "…"
    more = f" (and {others} more)" if others and not first.title[0].isdigit() else ""
    return (f"{first.title}: {message}" if message else first.title) + more


def _suggestion(file: str, first: Finding) -> str:
    place = f"{file}:{first.line}" if first.line is not None else file
    review = f"Review {place}" if place else ""
    if review and first.advice:
        return f"{review}: {first.advice}"
    return review or first.advice[:1].upper() + first.advice[1:]


def _tail(output: Output) -> str:
    said = [line.rstrip()[:_TAIL_LINE] for line in output.lines if line.strip()]
    return "\n".join(said[-TAIL_LINES:])


def _fingerprint(title: str, code: str, file: str, message: str) -> str:
    parts = (_FOLDED.sub("#", title), code, file, _FOLDED.sub("#", message))
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=8).hexdigest()
