"""The bytes of a mail from outside, cut into fields in one strict way. Pure.

Whoever forges a mail lives on two readers that disagree: the signature's sees one subject, the program's another. So what could
be read in two ways is refused, everything else reads the fields found here, and the signature is checked on these very bytes.

Source: RFC 5322 section 2.2 and 3.6.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.errors import TooLargeError

_LONGEST_BLOCK = 64 << 10
_LONGEST_FIELD = 16 << 10

_NEXT_FIELD = re.compile(r"\n(?![ \t])")
_FIELD = re.compile(r"([!-9;-~]+):(.*)", re.DOTALL)
_NOT_PLAIN = re.compile(rb"[^\t\n -~]")


@dataclass(frozen=True, slots=True)
class RawMail:
    """A mail as it came.

    fields: name in lower case and value, unfolded and trimmed, from the top. body: with LF. wire: all of it, with CRLF.
    """

    fields: tuple[tuple[str, str], ...]
    body: bytes
    wire: bytes

    def all(self, name: str) -> list[str]:
        """The values of a field, from the top. name: in lower case."""
        return [value for field, value in self.fields if field == name]

    def maybe(self, name: str) -> str:
        """The value of a field that may be there once; empty if it is not. Raises ForgedError if there are more."""
        values = self.all(name)
        if len(values) > 1:
            raise ForgedError(f"the mail has {len(values)} fields {name}")
        return values[0] if values else ""

    def one(self, name: str) -> str:
        """The value of a field that must be there once. Raises ForgedError."""
        if value := self.maybe(name):
            return value
        raise ForgedError(f"the mail has no field {name}")


def read(raw: bytes, max_bytes: int) -> RawMail:
    """Cut a mail into fields and body.

    Raises TooLargeError above max_bytes; ForgedError for NUL, a lone CR, header fields that are not plain ASCII, a line among
    them that is no field, a header block above 64 KiB or a field above 16 KiB.
    """
    if len(raw) > max_bytes:
        raise TooLargeError(f"the mail has {len(raw)} bytes; at most {max_bytes} are read")
    lines = raw.replace(b"\r\n", b"\n")
    if b"\r" in lines or b"\0" in lines:
        raise ForgedError("the mail holds a lone carriage return or a null byte")
    block, _, body = lines.partition(b"\n\n")
    if len(block) > _LONGEST_BLOCK:
        raise ForgedError(f"the header of the mail has {len(block)} bytes; at most {_LONGEST_BLOCK} are read")
    if _NOT_PLAIN.search(block):
        raise ForgedError("the header of the mail is not plain ASCII")
    header = block.removesuffix(b"\n")
    fields = tuple(_field(text) for text in _NEXT_FIELD.split(header.decode("ascii")))
    return RawMail(fields, body, b"\r\n".join((header.replace(b"\n", b"\r\n"), b"", body.replace(b"\n", b"\r\n"))))


def _field(text: str) -> tuple[str, str]:
    found = _FIELD.fullmatch(text)
    if found is None:
        raise ForgedError("a line in the header of the mail is no field")
    if len(text) > _LONGEST_FIELD:
        raise ForgedError(f"a field of the mail has {len(text)} characters; at most {_LONGEST_FIELD} are read")
    return found[1].lower(), found[2].replace("\n", "").strip(" \t")
