"""A message as a text message: state, fact and id, in as many segments as may be spent. Pure.

Source: Twilio "Messages": a body has at most 1,600 characters and is billed by the segment. Ten segments are fewer characters.
"""

from __future__ import annotations

import itertools
import re

from buildnet_cli.events.priority import Priority
from buildnet_cli.messages import digest, gsm7
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe
from buildnet_cli.messages.model import Message

_MARK = "..."

_ID = re.compile(r"(?:build|run|req|rpt|evt|dlv|inc)_[0-9a-z]{1,40}")
# A word with what stands before it; and one such as `(src/api/routes.ts:42)`, `TS2345` or an id.
_WORD = re.compile(r" ?[^ ]+")
_CODE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])")


def body(message: Message, max_segments: int) -> str:
    """Headline, line and id, one below the other. What is critical takes one segment, whatever else may be spent."""
    count = 1 if message.event.priority is Priority.CRITICAL else max_segments
    headline, line = _said(message.headline), _said(digest.still_open(message.event) or message.line)
    known_as = next((field.value for field in message.fields if _ID.fullmatch(field.value)), "")
    is_gsm7 = gsm7.is_gsm7(headline + line)
    room = gsm7.capacity(count, gsm7=is_gsm7) - len(f"\n{known_as}" if known_as else "")
    headline = cut(headline, room, is_gsm7=is_gsm7)
    line = cut(line, room - gsm7.size(f"{headline}\n", gsm7=is_gsm7), is_gsm7=is_gsm7) if line != headline else ""
    return "\n".join(filter(None, (headline, line, known_as)))


def cut(text: str, room: int, *, is_gsm7: bool) -> str:
    """The words that fit, each of them whole: the beginning, and the last one if it is a code or a place."""
    if gsm7.size(text, gsm7=is_gsm7) <= room:
        return text
    words = _WORD.findall(text)
    last = words[-1] if len(words) > 1 and _CODE.search(words[-1]) else ""
    left = room - len(_MARK) - gsm7.size(last, gsm7=is_gsm7)
    sizes = itertools.accumulate(gsm7.size(word, gsm7=is_gsm7) for word in words)
    kept = words[: sum(size <= left for size in sizes)]
    return "".join([*kept, _MARK, last]) if kept else _cut_word(text, room, is_gsm7=is_gsm7)


def _cut_word(text: str, room: int, *, is_gsm7: bool) -> str:
    """The beginning of a word too long to be any of those."""
    room -= len(_MARK)
    end = 0
    while end < len(text) and (room := room - gsm7.size(text[end], gsm7=is_gsm7)) >= 0:
        end += 1
    return text[:end].rstrip() + _MARK if end else ""


def _said(text: str) -> str:
    return one_line(gsm7.transliterate(drop_unsafe(one_line(text))))
