"""What a text message costs, and how to say a text in the alphabet in which it costs least. Pure.

Source: 3GPP TS 23.038, section 6.2.1 (the default alphabet and its extension table); TS 23.040, section 9.2.3.24.1 (concatenation
takes six octets of each segment). One character outside of the alphabet turns the whole message into UCS-2, with half the room.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Final

_BASIC: Final = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED: Final = frozenset("\f^{}\\[~]|€")

SINGLE, EACH = 160, 153
"""Septets in a message of one segment, and in each segment of a longer one."""
SINGLE_UCS2, EACH_UCS2 = 70, 67
"""The same in UTF-16 units."""

_LOOK_ALIKES: Final = {
    **dict.fromkeys("‘’‚‛′`´ʼ", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("‐‑‒–—―−·•‣▪●", "-"),
    **dict.fromkeys("→➜➔⇒", "->"),
    **dict.fromkeys("←⇐", "<-"),
    "…": "...",
    "×": "x",
    "÷": "/",
    "⁄": "/",
    "≈": "~",
    "≤": "<=",
    "≥": ">=",
    "≠": "!=",
    "µ": "u",
    "°": " deg",
    "ı": "i",
    "ł": "l",
    "Ł": "L",
    "đ": "d",
    "Đ": "D",
    "\t": " ",
}


def is_gsm7(text: str) -> bool:
    """Whether every character is in the alphabet."""
    return all(char in _BASIC or char in _EXTENDED for char in text)


def septets(text: str) -> int:
    """Room that a text of the alphabet takes: two for each of `[ ] { } | ^ ~ \\ €`, one for all others."""
    return sum(map(_septets_of, text))


def segments(text: str) -> int:
    """How many messages the carrier makes, and bills, of a text; 1 for an empty one."""
    if is_gsm7(text):
        return _count(map(_septets_of, text), SINGLE, EACH)
    return _count(map(_units_of, text), SINGLE_UCS2, EACH_UCS2)


def capacity(count: int, *, gsm7: bool) -> int:
    """Septets, or UTF-16 units, that surely fit into so many segments: no character is ever cut in two between them."""
    single, each = (SINGLE, EACH) if gsm7 else (SINGLE_UCS2, EACH_UCS2)
    return single if count == 1 else count * each - (count - 1)


def size(text: str, *, gsm7: bool) -> int:
    """What a text takes of such a capacity."""
    return septets(text) if gsm7 else sum(map(_units_of, text))


def transliterate(text: str) -> str:
    """The text in the alphabet: typography and accents made plain, pictures and control characters left out.

    Letters of other scripts stay, for nothing is read in a row of question marks; `is_gsm7` tells.
    """
    return "".join(map(_plain, unicodedata.normalize("NFC", text)))


def _plain(char: str) -> str:
    if char in _BASIC or char in _EXTENDED:
        return " " if char in "\r\f" else char
    if char in _LOOK_ALIKES:
        return _LOOK_ALIKES[char]
    parts = unicodedata.normalize("NFKD", char)
    base = "".join(_LOOK_ALIKES.get(part, part if part in _BASIC else "") for part in parts)
    if base:
        return base
    category = unicodedata.category(char)
    if category.startswith("Z"):
        return " "
    # Vowel signs of other scripts are marks; those above Latin letters, and those that choose an emoji's look, lie elsewhere.
    is_vowel_sign = category.startswith("M") and "\u0590" <= char < "\u2000"
    return char if category[0] in "LN" or is_vowel_sign else ""


def _septets_of(char: str) -> int:
    return 2 if char in _EXTENDED else 1


def _units_of(char: str) -> int:
    return 2 if ord(char) > 0xFFFF else 1


def _count(sizes: Iterable[int], single: int, each: int) -> int:
    taken = list(sizes)
    if sum(taken) <= single:
        return 1
    count, room = 1, each
    for needed in taken:
        if needed > room:
            count, room = count + 1, each
        room -= needed
    return count
