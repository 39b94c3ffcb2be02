"""Reads JSON so that every value knows where it was written."""

from __future__ import annotations

import json
import re
from bisect import bisect_right

from buildnet_cli.config.origin import Node, Place
from buildnet_cli.config.problems import InvalidConfigError, Page, Problem, Severity

_BLANK = re.compile(r"[ \t\r\n]*")


def read_json(text: str, page: Page) -> Node:
    """The tree of a JSON file.

    Raises InvalidConfigError with line and column if it is no JSON, and for keys that stand twice in one object.
    """
    reader = _Reader(text, page)
    try:
        json.loads(text, parse_constant=_refuse_constant)
        root, _ = reader.value(_blank(text, 0))
    except json.JSONDecodeError as exc:
        place = Place(exc.lineno, exc.colno)
        raise InvalidConfigError(page.file, [page.problem(Severity.ERROR, f"not JSON: {_lowered(exc.msg)}", place)]) from exc
    except (ValueError, RecursionError) as exc:
        reason = "nested too deeply" if isinstance(exc, RecursionError) else str(exc)
        raise InvalidConfigError(page.file, [page.problem(Severity.ERROR, f"not JSON: {reason}")]) from exc
    if reader.problems:
        raise InvalidConfigError(page.file, reader.problems)
    return root


class _Reader:
    """Walks a text that is known to be JSON. The standard library reads the scalars; only it knows every escape."""

    def __init__(self, text: str, page: Page) -> None:
        self.problems: list[Problem] = []
        self._text = text
        self._page = page
        self._scalar = json.JSONDecoder().raw_decode
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]

    def value(self, at: int) -> tuple[Node, int]:
        """The value that begins at an offset, and the offset after it."""
        if self._text[at] == "{":
            return self._object(at)
        if self._text[at] == "[":
            return self._list(at)
        value, end = self._scalar(self._text, at)
        return Node(self._place(at, end), value), end

    def _object(self, start: int) -> tuple[Node, int]:
        entries: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        at = _blank(self._text, start + 1)
        while self._text[at] != "}":
            key, end = self._scalar(self._text, at)
            place = self._place(at, end)
            if key in keys:
                message = f'the key "{key[:80]}" stands here twice; the first is in line {keys[key].line}'
                self.problems.append(self._page.problem(Severity.ERROR, message, place, hint="remove one of the two"))
            keys[key] = place
            colon = _blank(self._text, end)
            entries[key], at = self.value(_blank(self._text, colon + 1))
            at = self._next(at)
        return Node(self._place(start, start + 1), entries, keys), at + 1

    def _list(self, start: int) -> tuple[Node, int]:
        items: list[Node] = []
        at = _blank(self._text, start + 1)
        while self._text[at] != "]":
            item, at = self.value(at)
            items.append(item)
            at = self._next(at)
        return Node(self._place(start, start + 1), items), at + 1

    def _next(self, at: int) -> int:
        """The offset of the next entry, or of the closing bracket."""
        at = _blank(self._text, at)
        return _blank(self._text, at + 1) if self._text[at] == "," else at

    def _place(self, start: int, end: int) -> Place:
        line = bisect_right(self._line_starts, start)
        return Place(line, start - self._line_starts[line - 1] + 1, max(end - start, 1))


def _blank(text: str, at: int) -> int:
    match = _BLANK.match(text, at)
    return match.end() if match else at


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON number")


def _lowered(words: str) -> str:
    return words[:1].lower() + words[1:]
