"""Changes values in YAML text and leaves all else as it was written: comments, order, quotes, indentation."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString, SingleQuotedScalarString
from ruamel.yaml.tokens import CommentToken

from buildnet_cli.config.document import read_document
from buildnet_cli.config.origin import KeyPath, dotted
from buildnet_cli.config.problems import InvalidConfigError, Page
from buildnet_cli.errors import ConfigError, UsageError
from buildnet_cli.redact import MASK

Data = Any  # what YAML or JSON holds: mappings, lists and scalars
Apply = Callable[[Data], None]

_STYLES = ({"mapping": 2, "sequence": 4, "offset": 2}, {"mapping": 2, "sequence": 2, "offset": 0})

# Text that no reader of YAML takes for anything else; the rest is written in quotes.
_NEEDS_NO_QUOTES = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_LONGEST_FLOW_LIST = 100
_WORDS_WITH_MEANING = frozenset(("null", "true", "false", "yes", "no", "on", "off", "y", "n"))

# What tells the entries of a list apart.
_NAMES_OF_ENTRIES = ("name", "id", "email", "phone", "path")


def read_value(text: str) -> Data:
    """A value as it is typed: YAML, or else text, so that `#builds` and `*.failed` need no quotes."""
    if not text or text.startswith("#"):
        return text
    document = read_document(text, Page("", text))
    return text if document.problems or document.root is None else document.root.plain()


def with_value(before: str, path: KeyPath, value: Data, file: str) -> str:
    """The text with one value set; sections on the way are made. Raises UsageError, ConfigError."""
    return _rewritten(before, lambda data: _set(data, path, value), file)


def with_patch(before: str, patch: Mapping[str, Data], file: str) -> str:
    """The text with a JSON merge patch applied (RFC 7386); `***` stands for the value already there.

    Raises UsageError, ConfigError.
    """
    return _rewritten(before, lambda data: _merge(data, patch, ()), file)


def _rewritten(before: str, apply: Apply, file: str) -> str:
    wanted = plain_values(before, file)
    if not wanted:
        # There is nothing but comments, which belong to no value.
        apply(wanted)
        head = before if not before or before.endswith("\n") else before + "\n"
        return head + _dumped(_round_trip(_STYLES[0]), _styled(wanted)) if wanted else before
    try:
        yaml = next((style for style in map(_round_trip, _STYLES) if _dumped(style, style.load(before)) == before), None)
        yaml = yaml or _round_trip(_STYLES[0])
        tree = yaml.load(before)
        apply(tree)
        after = _dumped(yaml, tree)
    except YAMLError as exc:
        raise ConfigError("this file cannot be edited by key", where=file, hint="buildnet-notify config edit") from exc
    apply(wanted)
    if plain_values(after, file) != wanted:
        raise ConfigError("this cannot be changed without touching another value", where=file, hint="buildnet-notify config edit")
    return after


def plain_values(text: str, file: str) -> Data:
    """The plain values of a text. Raises InvalidConfigError if it is no YAML."""
    document = read_document(text, Page(file, text))
    if document.problems:
        raise InvalidConfigError(file, document.problems)
    return document.root.plain() if document.root is not None and isinstance(document.root.value, dict) else {}


def _round_trip(style: Mapping[str, int]) -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    yaml.indent(**style)
    return yaml


def _dumped(yaml: YAML, data: Data) -> str:
    stream = io.StringIO()
    yaml.dump(data, stream)
    return stream.getvalue()


def _set(data: Data, path: KeyPath, value: Data) -> None:
    for depth, part in enumerate(path[:-1]):
        below = _child(data, part, path[:depth])
        if not isinstance(below, dict | list):
            _put(data, part, CommentedSeq() if isinstance(path[depth + 1], int) else CommentedMap())
        data = data[part]
    old = _child(data, path[-1], path[:-1])
    _put(data, path[-1], _kept(value, old, path))


def _merge(data: Data, patch: Mapping[str, Data], path: KeyPath) -> None:
    for key, value in patch.items():
        old = data.get(key)
        if value is None:
            if key in data:
                _remove(data, key)
        elif isinstance(value, Mapping):
            if not isinstance(old, dict):
                _put(data, key, CommentedMap())
            _merge(data[key], value, (*path, key))
        else:
            _put(data, key, _kept(value, old, (*path, key)))


def _child(data: Data, part: str | int, path: KeyPath) -> Data:
    if isinstance(data, dict) and isinstance(part, str):
        return data.get(part)
    if isinstance(data, list) and isinstance(part, int) and part <= len(data):
        return data[part] if part < len(data) else None
    if isinstance(data, list):
        raise UsageError(f"{dotted(path)} has {len(data)} entries, counted from 0", hint=f"name one as {dotted((*path, 0))}")
    raise UsageError(f"{dotted(path) or 'the file'} is no list", hint=f"name a key of it: {dotted((*path, 'KEY'))}")


def _kept(value: Data, old: Data, path: KeyPath) -> Data:
    """The value, with every `***` in it replaced by what stood there."""
    if value == MASK:
        if old is None:
            raise UsageError(f"{dotted(path)} has no value yet that {MASK} could stand for")
        return old
    if isinstance(value, Mapping):
        there = old if isinstance(old, dict) else {}
        return {key: _kept(below, there.get(key), (*path, key)) for key, below in value.items()}
    if isinstance(value, list):
        return [_kept(below, _counterpart(below, old), (*path, index)) for index, below in enumerate(value)]
    return value


def _counterpart(entry: Data, old: Data) -> Data:
    """The entry of the old list with the same name. Never by position: a secret must not move to somebody else's address."""
    if not isinstance(entry, Mapping) or not isinstance(old, list):
        return None
    key = next((name for name in _NAMES_OF_ENTRIES if name in entry), None)
    return next((item for item in old if isinstance(item, dict) and key in item and item[key] == entry[key]), None)


def _put(data: Data, part: Any, value: Data) -> None:
    is_new = isinstance(data, list) and part == len(data)
    following = _take_following(data if is_new else data[part] if isinstance(data, list) else data.get(part))
    if is_new:
        data.append(_styled(value))
    else:
        _drop_inner(data, part)
        data[part] = _styled(value, data[part] if isinstance(data, list) else data.get(part))
    _give_following(data, part, following)


def _remove(data: Data, key: str) -> None:
    following = _take_following(data[key]) or _take_own(data, key)
    keys = list(data)
    at = keys.index(key)
    del data[key]
    if at > 0:
        _give_following(data, keys[at - 1], following)
    elif len(keys) > 1:
        _give_before(data, keys[1], following)


def _styled(value: Data, old: Data = None) -> Data:
    """A value as we write it: text in quotes where it could be taken for anything else, or where the old one had them."""
    if isinstance(value, bool | CommentedMap | CommentedSeq) or not isinstance(value, str | dict | list):
        return value
    if isinstance(value, dict):
        mapping = CommentedMap((key, _styled(below)) for key, below in value.items())
        if not value:
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list):
        entries = CommentedSeq(_styled(below) for below in value)
        if all(not isinstance(below, dict | list) for below in value) and len(str(value)) < _LONGEST_FLOW_LIST:
            entries.fa.set_flow_style()
        return entries
    if "\n" in value and all(line.isprintable() for line in value.split("\n")):
        return LiteralScalarString(value)
    if isinstance(old, SingleQuotedScalarString) and value.isprintable():
        return SingleQuotedScalarString(value)
    is_plain = _NEEDS_NO_QUOTES.fullmatch(value) and value.lower() not in _WORDS_WITH_MEANING
    return value if is_plain and not isinstance(old, DoubleQuotedScalarString) else DoubleQuotedScalarString(value)


# Comments. The parser hangs the lines that follow a value on its last part; when that part goes, they must not go with it.


def _take_following(value: Data) -> str:
    """Cut off the comment lines after a section or list, which belong to what follows it."""
    if not isinstance(value, CommentedMap | CommentedSeq):
        return ""
    end = "".join(" " * token.start_mark.column + token.value for token in value.ca.end)
    value.ca.end = []
    if not value:
        return end
    last: Data = next(reversed(value)) if isinstance(value, dict) else len(value) - 1
    return _take_following(value[last]) + _take_own(value, last) + end


def _take_own(data: Data, part: str | int) -> str:
    """Cut off the comment lines after a value; what stands on the value's own line is left."""
    for token in (data.ca.items.get(part) or ()) if isinstance(data, CommentedMap | CommentedSeq) else ():
        if isinstance(token, CommentToken):
            own, line_break, following = token.value.partition("\n")
            if following:
                token.value = own + line_break
            return str(following)
    return ""


def _drop_inner(data: Data, part: str | int) -> None:
    """Drop the comment between a key and the section under it, which speaks of what is going to be replaced."""
    tokens = data.ca.items.get(part) if isinstance(data, CommentedMap) else None
    if tokens and len(tokens) > 3:
        tokens[3] = None


def _give_following(data: Data, part: str | int, following: str) -> None:
    if not following:
        return
    value = data[part]
    if isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        _give_following(value, next(reversed(value)) if isinstance(value, dict) else len(value) - 1, following)
    elif isinstance(data, CommentedMap | CommentedSeq):
        at = 2 if isinstance(data, CommentedMap) else 0
        tokens = data.ca.items.setdefault(part, [None, None, None, None])
        own = tokens[at].value if tokens[at] is not None else "\n"
        tokens[at] = CommentToken(own + following, start_mark=CommentMark(0))


def _give_before(data: Data, key: str, lines: str) -> None:
    tokens = [
        CommentToken(line.strip() + "\n", start_mark=CommentMark(len(line) - len(line.lstrip())))
        for line in lines.splitlines()
        if line.strip()
    ]
    if tokens and isinstance(data, CommentedMap):
        data.ca.items.setdefault(key, [None, None, None, None])[1] = tokens
