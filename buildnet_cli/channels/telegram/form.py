"""A message as Telegram takes it: HTML, in parts of at most 4,096 UTF-16 units. Pure.

Source: Telegram Bot API "HTML style" (escape < > &; only `lt`, `gt`, `amp` and `quot` are known by name) and "sendMessage". What
stands in `<pre>` and `<code>` is searched for neither mentions nor links.
"""

from __future__ import annotations

import html
import itertools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe, fit, fit_tail
from buildnet_cli.messages.model import Field, Message

MOST_UNITS = 4_096

_TITLE = 250
_LINE = 1_500
_LABEL = 60
_VALUE = 500
_CODE = 3_000
_CODE_LINE = 1_000
_MOST_FIELDS = 16
# `(2/3)` below a part, and a pair of tags around its code.
_RESERVED = 40

_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;"}
_MENTION = re.compile(r"(?<!\w)@(?=\w)")
_COPIED = re.compile(r"[a-z]{2,8}_[0-9a-z]{1,40}")
_TAG = re.compile(r"<[^>]*>")
_ZERO_WIDTH_SPACE = "\u200b"


@dataclass(frozen=True, slots=True)
class _Line:
    """One line, escaped, with its tags closed. is_code: it belongs into `<pre>`."""

    html: str
    is_code: bool = False


def parts(message: Message) -> list[str]:
    """The messages to send, one after the other; hardly ever more than one. The first tells what happened."""
    was = f" <s>{_text(one_line(message.was), _TITLE)}</s>" if message.was else ""
    lines = [_Line(f"<b>{_text(one_line(message.headline), _TITLE) or '-'}</b>{was}")]
    if message.line not in ("", message.headline):
        lines.append(_Line(_text(one_line(message.line), _LINE)))
    lines += [_Line(_field(field)) for field in message.fields[:_MOST_FIELDS]]
    if message.code:
        code = fit_tail(drop_unsafe(message.code), _CODE)
        lines += [_Line(fit(line, _CODE_LINE, escape), is_code=True) for line in code.splitlines()]
    if message.actions:
        lines.append(_Line(" · ".join(_copied(action) for action in message.actions)))
    if message.origin:
        lines.append(_Line(f"<i>{_text(' · '.join(message.origin), _TITLE)}</i>"))
    return _split(lines)


def plain(text: str) -> str:
    """A part without its tags, for when Telegram cannot read them."""
    return html.unescape(_TAG.sub("", text))


def units(text: str) -> int:
    """Its length as Telegram counts it."""
    return len(text) + sum(char > "\uffff" for char in text)


def escape(char: str) -> str:
    """One character as text in Telegram's HTML."""
    return _ESCAPES.get(char, char)


def _split(lines: list[_Line]) -> list[str]:
    """Every line whole, in as few parts as hold them; what stays open in one part is closed in it and opened in the next."""
    groups: list[list[_Line]] = [[]]
    room = MOST_UNITS - _RESERVED
    for line in lines:
        needed = units(line.html) + len("\n<pre></pre>")
        if needed > room and groups[-1]:
            groups.append([])
            room = MOST_UNITS - _RESERVED
        groups[-1].append(line)
        room -= needed
    found = [text for text in map(_joined, groups) if plain(text).strip()]
    return [f"{text}\n({number}/{len(found)})" for number, text in enumerate(found, 1)] if len(found) > 1 else found


def _joined(lines: Iterable[_Line]) -> str:
    blocks = []
    for is_code, group in itertools.groupby(lines, key=lambda line: line.is_code):
        text = "\n".join(line.html for line in group)
        blocks.append(f"<pre>{text}</pre>" if is_code else text)
    return "\n".join(blocks)


def _field(field: Field) -> str:
    value = _copied(field.value) if _COPIED.fullmatch(field.value) else _text(one_line(field.value), _VALUE)
    return f"{_text(one_line(field.label), _LABEL)}: {value}"


def _copied(text: str) -> str:
    """A text that one touch copies."""
    return f"<code>{fit(drop_unsafe(one_line(text)), _LABEL, escape)}</code>"


def _text(text: str, limit: int) -> str:
    # A mention would call somebody who has nothing to do with it.
    return fit(_MENTION.sub(f"@{_ZERO_WIDTH_SPACE}", drop_unsafe(text)), limit, escape)
