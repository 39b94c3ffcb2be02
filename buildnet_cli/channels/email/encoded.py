"""What a header field of a mail says to a person, decoded. Pure.

Source: RFC 2047.
"""

from __future__ import annotations

import unicodedata
from email.errors import MessageError
from email.header import decode_header
from typing import Final

from buildnet_cli.commands.inbound import ForgedError

MALFORMED: Final = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    MessageError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What the standard library, and what stands on it, raises on mail that was made to break it."""

_LONGEST = 4_000
_BLANKS: Final = {ord("\t"): " "}


def decoded(value: str) -> str:
    """The text of a field. Raises ForgedError if it is too long, cannot be decoded, or holds what nobody can see."""
    if len(value) > _LONGEST:
        raise ForgedError(f"a field that is read has {len(value)} characters; at most {_LONGEST} are decoded")
    try:
        # Blanks come from folding; one that was encoded was meant.
        parts = decode_header(value.translate(_BLANKS))
        text = "".join(part if isinstance(part, str) else part.decode(charset or "ascii") for part, charset in parts)
    except MALFORMED as error:
        raise ForgedError("a field of the mail cannot be decoded") from error
    if any(unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp") for character in text):
        raise ForgedError("a field of the mail hides control characters")
    return text.strip()
