"""What is wrong with a configuration, and how it is shown: to a person, to GitHub, to a program. Never a secret among it."""

from __future__ import annotations

import enum
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from buildnet_cli.config.origin import KeyPath, Place, dotted
from buildnet_cli.errors import ConfigError
from buildnet_cli.redact import MASK, scrub

_LONGEST_VALUE = 80
_LONGEST_EXCERPT = 110

# Line breaks as the YAML parser counts them.
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

# A line that may hold a secret, in a file that could not be read far enough to know: whatever follows such a key is blanked.
# A word is tried once, from its start and without going back into it, so that a line of any length takes its length in time.
_SECRET_ENTRY = re.compile(
    r"""(?i)(?P<entry>(?<![\w-])"""
    r"""(?>[\w-]*?(?:token|passw|secret|credential|key(?!words)|auth(?!serv)|signature|headers)[\w-]*)["']?[ \t]*:[ \t]*+)"""
    r"""(?!["']?\$\{[A-Za-z0-9_]+\}["']?[ \t]*(?:#.*)?$)(?P<value>[^\s\[{|>&*!].*)"""
)


class Severity(enum.Enum):
    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Problem:
    """One thing to put right, or to know.

    message: a sentence, with the dotted path where that helps. hint: what to write or type instead.
    file, line, column: where; a line of 0 means the file as a whole. path: the dotted key.
    excerpt, caret, width: the source line without its secrets, and which of its characters are meant.
    """

    severity: Severity
    message: str
    hint: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    path: str = ""
    excerpt: str = ""
    caret: int = 0
    width: int = 1

    @property
    def where(self) -> str:
        """`file:line:column`, or the file alone."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else self.file

    def as_dict(self) -> dict[str, object]:
        return {
            "severity": self.severity.value,
            "message": self.message,
            "hint": self.hint,
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "path": self.path,
        }


class InvalidConfigError(ConfigError):
    """A configuration with errors; carries every problem found, warnings included."""

    def __init__(self, file: str, problems: Sequence[Problem]) -> None:
        errors = [problem for problem in problems if problem.severity is Severity.ERROR]
        first = errors[0]
        rest = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
        super().__init__(first.message + rest, hint=first.hint or "buildnet-notify config validate", where=first.where)
        self.file = file
        self.problems = tuple(problems)

    def report(self) -> str:
        """All problems, as a person reads them."""
        return as_text(self.problems)


def as_text(problems: Iterable[Problem]) -> str:
    """`file:line:column severity: message`, the source line with a caret, and the hint."""
    return "".join(_as_paragraph(problem) for problem in problems)


def as_github(problems: Iterable[Problem]) -> str:
    """Annotations that GitHub shows beside the line. Source: GitHub "Workflow commands for GitHub Actions"."""
    lines = []
    for problem in problems:
        level = "notice" if problem.severity is Severity.NOTE else problem.severity.value
        place = f",line={problem.line},col={problem.column}" if problem.line else ""
        text = f"{problem.message}; {problem.hint}" if problem.hint else problem.message
        lines.append(f"::{level} file={_escaped(problem.file, property=True)}{place}::{_escaped(text)}\n")
    return "".join(lines)


def visible(text: str) -> str:
    """Text that can neither steer a terminal nor hide its direction: such characters are written `\\u202e`."""
    return "".join(char if char.isprintable() else _code(char) for char in text)


def quoted(text: str) -> str:
    """A value as a message shows it: in quotes, cut to 80 characters, with nothing invisible in it."""
    text = scrub(text)
    return f'"{visible(text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…")}"'


def masked_line(line: str) -> str:
    """A line fit to be shown: without registered secrets, and without what stands behind a key such as `token`."""
    return scrub(_without_entries(line))


def _without_entries(line: str) -> str:
    return _SECRET_ENTRY.sub(lambda match: match["entry"] + MASK, line)


class Page:
    """One file's text, to make problems from: it knows the lines, and what of them may be shown."""

    def __init__(self, file: str, text: str) -> None:
        self.file = file
        self._lines = _LINE_BREAK.split(text)
        # A file written on one line has all its problems there: where its secrets may stand is found out once.
        self._blanked: dict[str, str] = {}

    def problem(
        self,
        severity: Severity,
        message: str,
        place: Place | None = None,
        *,
        hint: str = "",
        path: KeyPath = (),
        shown_until: int | None = None,
    ) -> Problem:
        """A problem with its excerpt.

        shown_until: the column after which the line is blanked, because a secret may follow; None shows it all.
        """
        message, hint = scrub(message), scrub(hint)
        if place is None:
            return Problem(severity, message, hint, self.file, path=dotted(path))
        line = self._lines[place.line - 1] if place.line <= len(self._lines) else ""
        shown = line if shown_until is None or len(line) < shown_until else f"{line[: shown_until - 1].rstrip()} {MASK}"
        excerpt, caret = _excerpt(self._fit_to_show(shown), place.column)
        width = max(min(place.length, len(excerpt) - caret + 1), 1)
        return Problem(
            severity, message, hint, self.file, place.line, place.column, dotted(path), excerpt, caret=caret, width=width
        )

    def _fit_to_show(self, line: str) -> str:
        if line not in self._blanked:
            self._blanked[line] = _without_entries(line)
        shown = scrub(self._blanked[line]).rstrip()
        if shown.isprintable():
            return shown
        # One character stands for one, so that the caret stays where it belongs.
        return "".join(char if char.isprintable() else " " if char == "\t" else "?" for char in shown)


def _excerpt(shown: str, column: int) -> tuple[str, int]:
    """As much of a line as is read at a glance, and the column in it that the given one became."""
    if len(shown) <= _LONGEST_EXCERPT:
        return shown, column
    start = max(0, min(column - _LONGEST_EXCERPT // 2, len(shown) - _LONGEST_EXCERPT))
    end = start + _LONGEST_EXCERPT
    return ("…" if start else "") + shown[start:end] + ("…" if end < len(shown) else ""), column - start + (1 if start else 0)


def _as_paragraph(problem: Problem) -> str:
    where = f"{problem.where} " if problem.where else ""
    text = f"{where}{problem.severity.value}: {problem.message}\n"
    if problem.excerpt:
        before = problem.excerpt[: problem.caret - 1]
        meant = problem.excerpt[len(before) : len(before) + problem.width]
        carets = "^" * max(_columns(meant), 1)
        text += f"{problem.line:>6} | {problem.excerpt}\n{'':>6} | {' ' * _columns(before)}{carets}\n"
    if problem.hint:
        text += f"{'':>6} → {problem.hint}\n"
    return text


def _columns(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 0 if unicodedata.combining(char) else 1 for char in text)


def _code(char: str) -> str:
    number = ord(char)
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _escaped(text: str, *, property: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property else text
