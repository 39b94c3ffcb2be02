"""The one printer: for people on a terminal, for pipes, and for programs with `--json`."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TextIO

from buildnet_cli.clock import from_rfc3339
from buildnet_cli.duration import format_age, format_duration
from buildnet_cli.errors import BuildNetError
from buildnet_cli.redact import scrub

SCHEMA = "buildnet-notify"

# What a terminal would obey or hide: control characters and bidirectional marks.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")

_WIDEST = 10_000
_HEIGHT = 25

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """One column of a table.

    field: the member of the row, `error.headline` for one inside another. show: how it reads; the value itself by default.
    """

    heading: str
    field: str
    show: Callable[[Any], str] = str


class Output:
    """Knows the terminal, so that no command has to."""

    def __init__(self, *, as_json: bool = False, is_quiet: bool = False, color: str = "auto", out: TextIO | None = None) -> None:
        """color: auto, always or never; auto also obeys NO_COLOR and TERM=dumb."""
        self.as_json = as_json
        self.is_quiet = is_quiet
        self._out = out if out is not None else sys.stdout
        self.is_terminal = self._out.isatty()
        self.has_color = color == "always" or (
            color == "auto" and self.is_terminal and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
        )

    def say(self, text: str) -> None:
        """A line for people; nothing with `--json` or `-q`."""
        if not self.as_json and not self.is_quiet:
            self._write(printable(text))

    def note(self, text: str) -> None:
        """A remark beside the result, on stderr."""
        if not self.is_quiet:
            sys.stderr.write(f"{printable(text)}\n")

    def progress(self, text: str) -> None:
        """What goes on now, for somebody who waits: on stderr, and only on a terminal."""
        if not self.as_json and sys.stderr.isatty():
            self.note(text)

    def result(self, kind: str, value: Mapping[str, Any], text: str = "") -> None:
        """The result of a command: an object with `--json`, else its text, which `-q` keeps."""
        if self.as_json:
            self._write(_dump({"schema": f"{SCHEMA}/{kind}@1", **value}))
        elif text:
            self._write(printable(text))

    def rows(
        self,
        kind: str,
        rows: Sequence[Row],
        columns: Sequence[Column],
        *,
        next_: str | None = None,
        empty: str = "",
        below: Callable[[Row], str] = lambda _: "",
    ) -> None:
        """A list: `{schema, items, next}` with `--json`, a table on a terminal, tab-separated lines in a pipe.

        below: further lines for people to read under a row, indented like its second column.
        """
        if self.as_json:
            self._write(_dump({"schema": f"{SCHEMA}/{kind}@1", "items": [dict(row) for row in rows], "next": next_}))
        elif not rows:
            self.say(empty)
        elif self.is_terminal:
            self._table(rows, columns, below)
        else:
            for row in rows:
                self._write("\t".join(_cell(row, column).replace("\t", " ").replace("\n", " ") for column in columns))
                self._under(below(row), 8)

    def error(self, error: BuildNetError, exit_code: int) -> None:
        """What failed, why, where, and what to do next. An object on stdout with `--json`, else lines on stderr."""
        if self.as_json:
            body = {"kind": error.kind.value, "message": scrub(error.message), "exit_code": exit_code}
            body.update({name: scrub(value) for name, value in (("hint", error.hint), ("where", error.where)) if value})
            self._write(_dump({"schema": f"{SCHEMA}/error@1", "error": body}))
            return
        report = error.report()
        if report:
            sys.stderr.write(scrub(report))
            return
        where = f"{error.where}: " if error.where and error.where not in error.message else ""
        mark = self._paint("error:", "31;1", sys.stderr)
        sys.stderr.write(f"{mark} {printable(scrub(where + error.message))}\n")
        if error.hint:
            sys.stderr.write(f"  {self._paint('→', '36', sys.stderr)} {printable(scrub(error.hint))}\n")

    def state(self, word: str) -> str:
        """A status word in its colour, on a terminal; the word itself always says it all."""
        code = _COLOR_OF.get(word)
        return self._paint(word, code, self._out) if code is not None else word

    def _paint(self, text: str, code: str, stream: TextIO) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.has_color and stream.isatty() else text

    def _under(self, text: str, width: int) -> None:
        for line in text.splitlines():
            self.say(f"{'':<{width}}{line}".rstrip())

    def _table(self, rows: Sequence[Row], columns: Sequence[Column], below: Callable[[Row], str]) -> None:
        from rich.console import Console
        from rich.table import Table
        from rich.text import Text

        table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold" if self.has_color else "")
        for column in columns:
            table.add_column(column.heading, no_wrap=True)
        for row in rows:
            table.add_row(*(Text.from_ansi(self.state(_cell(row, column).replace("\n", " "))) for column in columns))
        # Wider than any terminal: an id must never be cut, and a long line is the terminal's to wrap.
        # Both measures, or it would take a dumb terminal for one of 80 columns.
        console = Console(file=self._out, no_color=not self.has_color, highlight=False, width=_WIDEST, height=_HEIGHT)
        with console.capture() as captured:
            console.print(table)
        heading, *lines = captured.get().splitlines()
        self._write(heading.rstrip())
        width = max(len(columns[0].heading), *(len(_cell(row, columns[0])) for row in rows)) + 2
        for row, line in zip(rows, lines, strict=True):
            self._write(line.rstrip())
            self._under(below(row), width)

    def _write(self, text: str) -> None:
        # A terminal that cannot show a character gets an escape for it, not a traceback.
        encoding = self._out.encoding or "utf-8"
        self._out.write(f"{text.encode(encoding, 'backslashreplace').decode(encoding)}\n")


_COLOR_OF = {
    **dict.fromkeys(("completed", "cached", "delivered", "ok", "running"), "32"),
    **dict.fromkeys(("failed", "dead", "expired", "critical"), "31"),
    **dict.fromkeys(("queued", "pending", "held", "cancelled", "skipped", "suppressed", "high"), "33"),
}


def printable(text: str) -> str:
    """The text with what a terminal would obey or hide shown as escapes."""
    return _UNPRINTABLE.sub(lambda match: ascii(match[0])[1:-1], text)


def show_time(text: str | None, *, now: datetime | None = None) -> str:
    """`3m ago` under a day, else the local date and time; empty for None."""
    if not text:
        return ""
    moment = from_rfc3339(text)
    age = (now or datetime.now(moment.tzinfo)) - moment
    if timedelta() <= age < timedelta(days=1):
        return format_age(age)
    return moment.astimezone().strftime("%a %d %b %H:%M")


def show_clock(text: str) -> str:
    """The local time of day, for something that happens soon."""
    return from_rfc3339(text).astimezone().strftime("%H:%M:%S")


def show_millis(value: int | None) -> str:
    """`8.2s`; empty for None."""
    return format_duration(timedelta(milliseconds=value)) if value is not None else ""


def _cell(row: Row, column: Column) -> str:
    value: Any = row
    for name in column.field.split("."):
        value = value.get(name) if isinstance(value, Mapping) else None
    return printable("" if value is None and column.show is str else column.show(value))


def _dump(value: Mapping[str, Any]) -> str:
    return scrub(json.dumps(value, ensure_ascii=False, default=str))
