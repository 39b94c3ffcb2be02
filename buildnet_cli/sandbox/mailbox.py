"""How a mail looks to the person who opens it, and which earlier one it answers. Pure."""

from __future__ import annotations

import email
import email.policy
from email.message import EmailMessage
from typing import Any

from buildnet_cli.sandbox.inbox import Inbox, Received
from buildnet_cli.sandbox.reading import Reading

_LONGEST = 6_000


def open_mail(raw: bytes) -> EmailMessage:
    """A mail from its bytes, whatever they are."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def text_of(mail: EmailMessage) -> str:
    """The plain text of a mail; empty if it has none."""
    part = mail.get_body(("plain",))
    content: Any = part.get_content() if part is not None else ""
    return content if isinstance(content, str) else ""


def reading_of(subject: str, text: str) -> Reading:
    """The first lines as title and sentence, the rest as it stands; below it the subject and what stands under `-- `."""
    letter, _, foot = text.replace("\r\n", "\n").partition("\n-- \n")
    head, _, rest = letter.partition("\n\n")
    title, _, line = head.partition("\n")
    note = " · ".join((f"Subject: {subject}", *foot.splitlines()))
    return Reading("mail", title.strip() or subject, line.strip(), code=rest.strip("\n")[:_LONGEST], note=note[:_LONGEST])


def in_answer_to(inbox: Inbox, message_id: str) -> int:
    """The number of the mail with this Message-ID; 0 if it is not here."""
    if not message_id:
        return 0
    return next((each.number for each in inbox.messages() if message_id in _ids_of(each)), 0)


def _ids_of(message: Received) -> tuple[str, ...]:
    """As SMTP and SES keep it among the mail's headers, and as SendGrid has it in the request."""
    in_body = message.body.get("headers") if isinstance(message.body, dict) else None
    return tuple(
        str(headers[name])
        for headers in (message.headers, in_body)
        if headers
        for name in ("message-id", "Message-ID")
        if name in headers
    )
