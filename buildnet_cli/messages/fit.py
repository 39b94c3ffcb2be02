"""Fits text into a channel's limits without breaking what the channel's escaping made of a character."""

from __future__ import annotations

import re
from collections.abc import Callable

MARK = "…"

# Characters that act on a terminal or reorder what is read. Line feed and tab are dealt with by the caller.
_UNSAFE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def fit(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """The escaped text in at most `limit` characters; `…` ends it if something had to go.

    escape: turns one character at a time into its escaped form, so that no form is cut in two.
    """
    pieces = [escape(char) for char in text[: limit + 1]]
    if len(text) <= limit and sum(map(len, pieces)) <= limit:
        return "".join(pieces)
    room, kept = limit - len(MARK), 0
    while kept < len(pieces) and len(pieces[kept]) <= room:
        room -= len(pieces[kept])
        kept += 1
    return "".join(pieces[:kept]).rstrip() + MARK if limit >= len(MARK) else ""


def fit_tail(text: str, limit: int, escape: Callable[[str], str] = str) -> str:
    """Like `fit`, but it is the beginning that goes: for logs, whose end matters most."""
    return fit(text[::-1], limit, escape=lambda char: escape(char)[::-1])[::-1]


def make_visible(text: str) -> str:
    """The text with characters that a terminal would obey, or that reorder it, written as `\\x1b` or `\\u202e`."""
    return _UNSAFE.sub(lambda match: match[0].encode("unicode_escape").decode("ascii"), text)


def drop_unsafe(text: str) -> str:
    """The text without those characters, for forms that people read in a chat."""
    return _UNSAFE.sub("", text)
