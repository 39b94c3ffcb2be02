"""The command that a mail holds: in its subject behind the prefix or, in a reply to one of ours, in the first line written. Pure.

Nothing else is ever read: no quoted line, no signature, no HTML, no attachment and no mail inside the mail.
"""

from __future__ import annotations

import email.parser
import email.policy
import re
from collections.abc import Iterator
from email.message import EmailMessage, MIMEPart
from itertools import pairwise

from buildnet_cli.channels.email.encoded import MALFORMED, decoded
from buildnet_cli.channels.email.headers import RawMail
from buildnet_cli.commands.inbound import ForgedError

# What clients of many languages put before the subject of an answer or of what they pass on.
_ANSWERED = re.compile(r"(?:(?:re|aw|antw|sv|vs|odp|ref|fwd?|wg|tr|rv|enc)(?:\[[0-9]{1,3}\])?\s*:\s*)+", re.IGNORECASE | re.ASCII)
_NESTED = re.compile(rb"\b(?:multipart|message)/", re.IGNORECASE)
_MOST_NESTED = 20
_SIGNATURE = "--"


def in_subject(subject: str, prefix: str) -> str:
    """What follows the prefix in a subject; empty if it is not there, or twice. Raises ForgedError."""
    text = decoded(subject)
    if answered := _ANSWERED.match(text):
        text = text[answered.end() :]
    if not _begins(text, prefix):
        return ""
    command = text[len(prefix) :].strip()
    return "" if _begins(command, prefix) else command


def in_reply(mail: RawMail) -> str:
    """The first line of the plain text that is not quoted; empty if there is none. Raises ForgedError."""
    if len(_NESTED.findall(mail.body)) > _MOST_NESTED:
        raise ForgedError("the mail is nested too deeply")
    # The parser is given the fields that say what the body is, and no other: it cannot disagree on the rest.
    described = "".join(
        f"{name}: {value}\n" for name in ("content-type", "content-transfer-encoding") if (value := mail.maybe(name))
    )
    try:
        message = email.parser.BytesParser(EmailMessage, policy=email.policy.default).parsebytes(
            f"{described}\n".encode("ascii") + mail.body
        )
        text = next(_plain_texts(message), "")
    except MALFORMED as error:
        raise ForgedError("the body of the mail cannot be read") from error
    return _first_line(text)


def _begins(text: str, prefix: str) -> bool:
    return text[: len(prefix)].lower() == prefix.lower()


def _plain_texts(part: MIMEPart) -> Iterator[str]:
    kind = part.get_content_type()
    described = part["content-type"]
    if part.defects or (described is not None and described.defects):
        raise ForgedError("the body of the mail is malformed")
    if part.is_attachment() or part.get_filename() is not None:
        return
    if part.get_content_maintype() == "multipart":
        for inner in part.iter_parts():
            yield from _plain_texts(inner)
    elif kind == "text/plain":
        yield part.get_content(errors="strict")


def _first_line(text: str) -> str:
    lines = [line.strip() for line in text.split("\n")]
    written = [line for line in lines[: _end(lines)] if line]
    for line, following in pairwise((*written, "")):
        is_attribution = line.endswith(":") and following.startswith(">")
        if not line.startswith(">") and not is_attribution:
            return line
    return ""


def _end(lines: list[str]) -> int:
    return lines.index(_SIGNATURE) if _SIGNATURE in lines else len(lines)
