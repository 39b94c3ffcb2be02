"""Where a value was written: dotted paths, places in the file, and the tree that joins the two."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from buildnet_cli.errors import UsageError

KeyPath = tuple[str | int, ...]
Scalar = str | int | float | bool | None

_PLAIN_KEY = re.compile(r"[A-Za-z0-9_-]+")
_STEP = re.compile(r"""\.?(?P<key>[A-Za-z0-9_-]+)|\[(?P<index>[0-9]{1,6})\]|\["(?P<quoted>[^"]*)"\]""")


def dotted(path: KeyPath) -> str:
    """`notifications.channels.webhooks[0].url`; a key with other characters is written `headers["X.Y"]`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif _PLAIN_KEY.fullmatch(part):
            text += f".{part}" if text else part
        else:
            text += f'["{part}"]'
    return text


def parse_key(text: str) -> KeyPath:
    """Read what `dotted` writes. Raises UsageError for anything else."""
    parts: list[str | int] = []
    end = 0
    while end < len(text):
        step = _STEP.match(text, end)
        if step is None or (step["key"] is not None and (text[end] == ".") != bool(parts)):
            break
        parts.append(int(step["index"]) if step["index"] is not None else step["key"] or step["quoted"] or "")
        end = step.end()
    if not parts or end < len(text):
        raise UsageError(
            f"{text[:80]!r} is no configuration key",
            hint="write it as notifications.settings.dedup_window_secs or notifications.channels.webhooks[0].url",
        )
    return tuple(parts)


@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins. line, column: from 1; length: how far it reaches on its first line, in characters, at least 1."""

    line: int
    column: int
    length: int = 1


@dataclass(slots=True)
class Node:
    """One value as it was written.

    value: a scalar, the items of a list, or the entries of a mapping.
    keys: where each key of a mapping was written.
    written: the source text of a scalar that was not quoted; None for every other node.
    size: how many values it stands for, aliases counted each time they are used.
    """

    place: Place
    value: Scalar | list[Node] | dict[str, Node]
    keys: dict[str, Place] = field(default_factory=dict)
    written: str | None = None
    size: int = 1

    def child(self, part: str | int) -> Node | None:
        if isinstance(self.value, dict) and isinstance(part, str):
            return self.value.get(part)
        if isinstance(self.value, list) and isinstance(part, int) and 0 <= part < len(self.value):
            return self.value[part]
        return None

    def at(self, path: KeyPath) -> Node | None:
        """The node at a path, None if nothing was written there."""
        node: Node | None = self
        for part in path:
            node = node.child(part) if node is not None else None
        return node

    def walk(self, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Node]]:
        """Every node below and including this one, with its path."""
        yield path, self
        if isinstance(self.value, dict):
            for key, node in self.value.items():
                yield from node.walk((*path, key))
        elif isinstance(self.value, list):
            for index, node in enumerate(self.value):
                yield from node.walk((*path, index))

    def plain(self) -> object:
        """The values alone, as lists, dicts and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        if isinstance(self.value, list):
            return [node.plain() for node in self.value]
        return self.value


@dataclass(frozen=True)
class Origins:
    """Answers where each value of one file was written."""

    file: str
    root: Node

    def place_of(self, path: KeyPath) -> Place:
        """Where a value was written: a section by its key, a scalar by itself; else its nearest section that was written."""
        node, place = self.root, self.root.place
        for part in path:
            below = node.child(part)
            if below is None:
                break
            is_section = isinstance(below.value, dict | list)
            place = node.keys.get(str(part), below.place) if is_section else below.place
            node = below
        return place

    def key_place_of(self, path: KeyPath) -> Place:
        """Where the key of a path was written; as `place_of` if it has none."""
        parent = self.root.at(path[:-1]) if path else None
        place = parent.keys.get(str(path[-1])) if parent is not None else None
        return place if place is not None else self.place_of(path)

    def origin_of(self, path: KeyPath | str) -> str:
        """`file:line:column` of a value that was written, or `default`."""
        parts = parse_key(path) if isinstance(path, str) else path
        if self.root.at(parts) is None:
            return "default"
        place = self.place_of(parts)
        return f"{self.file}:{place.line}:{place.column}"


def leaves(value: object, path: KeyPath = ()) -> Iterator[tuple[KeyPath, object]]:
    """Every scalar of plain data, and every empty list or mapping, with its path."""
    if isinstance(value, Mapping) and value:
        for key, below in value.items():
            yield from leaves(below, (*path, str(key)))
    elif isinstance(value, list) and value:
        for index, below in enumerate(value):
            yield from leaves(below, (*path, index))
    else:
        yield path, value


def replaced(data: object, path: KeyPath, value: object) -> object:
    """A copy of plain data with the value at a path replaced; the rest is shared. The path must exist."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    if isinstance(data, Mapping):
        return {**data, part: replaced(data[part], rest, value)}
    if isinstance(data, list) and isinstance(part, int):
        return [*data[:part], replaced(data[part], rest, value), *data[part + 1 :]]
    raise KeyError(dotted(path))
