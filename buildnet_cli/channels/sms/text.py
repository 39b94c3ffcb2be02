"""A message as a text message: state, fact and id, in as many segments as may be spent. Pure.

Source: Twilio "Messages": a body has at most 1,600 characters and is billed by the segment. Ten segments are fewer characters.
"""

from __future__ import annotations

import re

from buildnet_cli.events.priority import Priority
from buildnet_cli.messages import gsm7
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe
from buildnet_cli.messages.model import Message

_MARK = "..."

_ID = re.compile(r"(?:build|run|req|rpt|evt|dlv|inc)_[0-9a-z]{1,40}")
# A word with what stands before it.
_WORD = re.compile(r" ?[^ ]+")


def body(message: Message, max_segments: int) -> str:
    """Headline, line and id, one below the other. What is critical takes one segment, whatever else may be spent."""
    count = 1 if message.event.priority is Priority.CRITICAL else max_segments
    headline, line = _said(message.headline), _said(message.line)
    known_as = next((field.value for field in message.fields if _ID.fullmatch(field.value)), "")
    is_gsm7 = gsm7.is_gsm7(headline + line)
    room = gsm7.capacity(count, gsm7=is_gsm7) - len(f"\n{known_as}" if known_as else "")
    headline = cut(headline, room, is_gsm7=is_gsm7)
    line = cut(line, room - gsm7.size(f"{headline}\n", gsm7=is_gsm7), is_gsm7=is_gsm7) if line != headline else ""
    return "\n".join(filter(None, (headline, line, known_as)))


def cut(text: str, room: int, *, is_gsm7: bool) -> str:
    """The words that fit. Plain ones go first, from the end; ids, codes, numbers and places, which hold digits, stay whole."""
    words = _WORD.findall(text)
    sizes = [gsm7.size(word, gsm7=is_gsm7) for word in words]
    total, gone = sum(sizes), [False] * len(words)
    if total <= room:
        return text
    has_digit = [any(map(str.isdigit, word)) for word in words]
    for index in sorted(range(len(words)), key=lambda index: (has_digit[index], -index)):
        gone[index] = True
        total -= sizes[index]
        # The marks for what is gone need room too.
        if total <= room and gsm7.size(kept := _with_marks(words, gone), gsm7=is_gsm7) <= room:
            return kept if not all(gone) else _cut_word(text, room, is_gsm7=is_gsm7)
    return _cut_word(text, room, is_gsm7=is_gsm7)


def _with_marks(words: list[str], gone: list[bool]) -> str:
    pieces, was_gone = [], False
    for word, is_gone in zip(words, gone, strict=True):
        pieces.append("" if is_gone and was_gone else _MARK if is_gone else word)
        was_gone = is_gone
    return "".join(pieces).strip()


def _cut_word(text: str, room: int, *, is_gsm7: bool) -> str:
    """The beginning of a word too long to be any of those."""
    room -= len(_MARK)
    end = 0
    while end < len(text) and (room := room - gsm7.size(text[end], gsm7=is_gsm7)) >= 0:
        end += 1
    return text[:end].rstrip() + _MARK if end else ""


def _said(text: str) -> str:
    return one_line(gsm7.transliterate(drop_unsafe(one_line(text))))
