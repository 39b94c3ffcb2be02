"""Turns YAML text into a tree of values with their places: one document of YAML 1.2 core, bounded in depth and size.

It reads the parser's events instead of its objects, so nothing is ever built that was not first counted, and no tag can run code.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NoReturn

import yaml

from buildnet_cli.config.origin import KeyPath, Node, Place, Scalar, dotted
from buildnet_cli.config.problems import Page, Problem, Severity, quoted

_PARSER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # both give the same events; the one in C is ten times faster

DEEPEST = 40
MOST_VALUES = 50_000  # aliases counted as often as they are used; a configuration of 20 KiB has about 1,000

# Source: YAML 1.2.2, section 10.3.2 "Tag Resolution" of the core schema.
_NULL = frozenset(("", "~", "null", "Null", "NULL"))
_BOOLEANS = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INTEGER = re.compile(r"-?(?:0|[1-9][0-9]{0,29})")
_OTHER_BASE = re.compile(r"0o(?P<octal>[0-7]{1,30})|0x(?P<hexadecimal>[0-9a-fA-F]{1,30})")
_FLOAT = re.compile(r"-?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_SPECIAL_FLOAT = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+")

# Switches in YAML 1.1 and text in 1.2. They stay switches here, so that a field for text refuses them instead of guessing.
_SWITCHES = {"yes": True, "on": True, "no": False, "off": False}

_UNREADABLE_CHARACTER = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

# What the parser says, and what it means.
_SYNTAX = (
    (
        "mapping values are not allowed",
        "a colon makes no sense here",
        "put text that holds `: ` in quotes; check the indentation",
    ),
    ("while scanning an alias", "`*` at the beginning of a value means an alias", 'write a pattern in quotes: "*.failed"'),
    ("while scanning a quoted scalar", "the quote that begins here is never closed", "close it on the same line"),
    ("could not find expected ':'", "a key has no colon", "write it as `key: value`"),
    ("did not find expected ',' or ']'", "a list in brackets is not closed", "close it with ]"),
    ("did not find expected ',' or '}'", "a mapping in braces is not closed", "close it with }"),
    ("did not find expected key", "the indentation does not match the lines above", "align the keys of one section"),
    ("did not find expected '-' indicator", "the indentation does not match the list above", "align the items of one list"),
    ("found character that cannot start any token", "a value cannot begin with this character", "put the value in quotes"),
    ("found unexpected document indicator", "a line of dashes or dots is inside quotes", "close the quotes before it"),
)


@dataclass
class Document:
    """root: None if the text is empty or could not be read. problems: errors only."""

    root: Node | None
    problems: list[Problem] = field(default_factory=list)


def read_document(text: str, page: Page) -> Document:
    """Read one YAML document. What is wrong with it is returned, not raised."""
    bad = _UNREADABLE_CHARACTER.search(text)
    if bad is not None:
        before = text[: bad.start()]
        place = Place(before.count("\n") + 1, len(before) - before.rfind("\n"))
        message = f"character U+{ord(bad[0]):04X} cannot be written in YAML as it is"
        return Document(None, [page.problem(Severity.ERROR, message, place, hint='write it as an escape in "double quotes"')])
    reader = _Reader(page)
    try:
        root = reader.read(iter(yaml.parse(text, Loader=_PARSER)))
    except _Refused:
        root = None
    except yaml.MarkedYAMLError as exc:
        reader.problems.append(_syntax_problem(exc, text, page))
        root = None
    return Document(root, reader.problems)


class _Refused(Exception):
    """Never leaves this file: the problem has been noted, and reading must stop."""


class _Reader:
    """Builds the tree from events. Its recursion is bounded by DEEPEST."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._anchors: dict[str, Node | None] = {}  # None while the anchored value is still being read
        self._values = 0
        self.problems: list[Problem] = []

    def read(self, events: Iterator[yaml.Event]) -> Node | None:
        self._events = events
        root: Node | None = None
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                if root is not None:
                    self._refuse("a configuration is one document; a second one begins here", event, hint="remove the `---`")
                root = self._node(next(events), (), 1)
        return root

    def _node(self, event: yaml.Event, path: KeyPath, depth: int) -> Node:
        if isinstance(event, yaml.AliasEvent):
            return self._alias(event, path)
        assert isinstance(event, yaml.ScalarEvent | yaml.CollectionStartEvent)
        if event.tag is not None:
            self._note(f"tags such as {quoted(event.tag)} are not read", event, path, hint="remove the tag; quotes make text")
        if depth > DEEPEST:
            self._refuse(f"nested too deeply: more than {DEEPEST} levels", event, path)
        self._count(1, event, path)
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        if isinstance(event, yaml.ScalarEvent):
            node = self._scalar(event, path)
        elif isinstance(event, yaml.SequenceStartEvent):
            node = self._list(event, path, depth)
        else:
            node = self._mapping(event, path, depth)
        if event.anchor is not None:
            self._anchors[event.anchor] = node
        return node

    def _list(self, start: yaml.Event, path: KeyPath, depth: int) -> Node:
        items: list[Node] = []
        while not isinstance(event := next(self._events), yaml.SequenceEndEvent):
            items.append(self._node(event, (*path, len(items)), depth + 1))
        return Node(_place(start), items, size=1 + sum(item.size for item in items))

    def _mapping(self, start: yaml.Event, path: KeyPath, depth: int) -> Node:
        entries: dict[str, Node] = {}
        merged: dict[str, Node] = {}
        keys: dict[str, Place] = {}
        while not isinstance(event := next(self._events), yaml.MappingEndEvent):
            if not isinstance(event, yaml.ScalarEvent):
                self._refuse("a key must be text", event, path, hint="put text that begins with { or [ in quotes")
            key, is_merge = event.value, event.value == "<<" and event.implicit[0]
            node = self._node(next(self._events), path if is_merge else (*path, key), depth + 1)
            if is_merge:
                self._merge(node, merged, event, path)
            elif key in entries:
                self._note(
                    f"duplicate key {quoted(key)}, already written on line {keys[key].line}",
                    event,
                    (*path, key),
                    hint="keep one of the two",
                )
            else:
                entries[key], keys[key] = node, _place(event)
        for key, node in merged.items():
            entries.setdefault(key, node)
        return Node(_place(start), entries, keys, size=1 + sum(node.size for node in entries.values()))

    def _merge(self, node: Node, merged: dict[str, Node], event: yaml.Event, path: KeyPath) -> None:
        for source in node.value if isinstance(node.value, list) else [node]:
            if not isinstance(source.value, dict):
                self._note("`<<` merges mappings only", event, path)
                continue
            for key, value in source.value.items():
                merged.setdefault(key, value)

    def _alias(self, event: yaml.AliasEvent, path: KeyPath) -> Node:
        name, alias = event.anchor or "", quoted(f"*{event.anchor}")
        if name not in self._anchors:
            self._refuse(f"alias {alias} names no anchor", event, path, hint="put a pattern in quotes")
        node = self._anchors[name]
        if node is None:
            self._refuse(f"alias {alias} is recursive: it stands inside what it repeats", event, path)
        self._count(node.size, event, path, f": alias {alias} repeats {node.size}")
        return node

    def _scalar(self, event: yaml.ScalarEvent, path: KeyPath) -> Node:
        text = event.value
        if not event.implicit[0]:
            if "\0" in text:
                self._note(f"{dotted(path)} holds a NUL character", event, path, hint="remove the \\0")
            return Node(_place(event), text)
        if _LEADING_ZERO.fullmatch(text):
            self._note(
                f"{dotted(path)} is a number that begins with a zero, which some read as another number",
                event,
                path,
                hint="put it in quotes if it is text, leave the zero out if it is a number",
            )
        return Node(_place(event), _resolve(text), written=text)

    def _count(self, values: int, event: yaml.Event, path: KeyPath, cause: str = "") -> None:
        self._values += values
        if self._values > MOST_VALUES:
            self._refuse(f"too many values, more than {MOST_VALUES}{cause}", event, path)

    def _note(self, message: str, event: yaml.Event, path: KeyPath, *, hint: str = "") -> None:
        self.problems.append(self._page.problem(Severity.ERROR, message, _place(event), hint=hint, path=path))

    def _refuse(self, message: str, event: yaml.Event, path: KeyPath = (), *, hint: str = "") -> NoReturn:
        self._note(message, event, path, hint=hint)
        raise _Refused


def _resolve(text: str) -> Scalar:
    """What an unquoted scalar means. A leading plus makes text: it is a phone number's far more often than a sign."""
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text.lower() in _SWITCHES and (text.islower() or text.istitle() or text.isupper()):
        return _SWITCHES[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    if (other := _OTHER_BASE.fullmatch(text)) is not None:
        return int(other["octal"], 8) if other["octal"] else int(other["hexadecimal"], 16)
    if len(text) < 100 and _FLOAT.fullmatch(text):
        return float(text)
    if _SPECIAL_FLOAT.fullmatch(text):
        return float(text.replace(".", "", 1))
    return text


def _place(event: yaml.Event) -> Place:
    start, end = event.start_mark, event.end_mark
    assert start is not None
    assert end is not None
    length = end.column - start.column if end.line == start.line else 1
    return Place(start.line + 1, start.column + 1, max(length, 1))


def _syntax_problem(exc: yaml.MarkedYAMLError, text: str, page: Page) -> Problem:
    said = f"{exc.context or ''} {exc.problem or ''}"
    is_about_start = "quoted scalar" in said or "flow" in said
    mark = (exc.context_mark if is_about_start else None) or exc.problem_mark or exc.context_mark
    line, column = (mark.line, mark.column) if mark is not None else (0, 0)
    lines = text.splitlines()
    indentation = lines[line][: column + 1] if line < len(lines) else ""
    if "\t" in indentation and not indentation.strip():
        place = Place(line + 1, indentation.index("\t") + 1)
        return page.problem(Severity.ERROR, "a tab cannot indent", place, hint="indent with spaces, two for each level")
    unknown = (f"this is not YAML: {exc.problem or 'it cannot be read'}", "check the line and the one above")
    message, hint = next(((message, hint) for phrase, message, hint in _SYNTAX if phrase in said), unknown)
    return page.problem(Severity.ERROR, message, Place(line + 1, column + 1), hint=hint)
