"""One mail to one recipient, and its bytes as they cross the wire. Pure.

Source: RFC 5322 (dates, ids, threads), RFC 3834 (Auto-Submitted), RFC 2919 (List-Id), Microsoft
[MS-OXCMAIL] (X-Auto-Response-Suppress).
"""

from __future__ import annotations

import email.policy
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from typing import Any, Final

from buildnet_cli.channels.email import footer
from buildnet_cli.channels.email.html import as_html
from buildnet_cli.channels.email.letter import letter_of
from buildnet_cli.channels.email.subject import clean, host_of, subject_of
from buildnet_cli.channels.email.text import as_text
from buildnet_cli.config.recipient import Recipient
from buildnet_cli.delivery.model import OutgoingMessage

_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_LONGEST_NAME = 60
_LONGEST_HEADER = 200


@dataclass(frozen=True, slots=True)
class Party:
    """Somebody with an address; name: empty if it is the address."""

    address: str
    name: str = ""

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail, before any provider's form.

    html: empty if the recipient wants text only. message_id: the same in every attempt.
    root_id: id of the first mail about the same problem; its own if this is it.
    headers: whatever goes beyond sender, recipient, subject, date and Message-ID; ASCII, one line each.
    """

    sender: Party
    recipient: Party
    subject: str
    date: datetime
    message_id: str
    root_id: str
    text: str
    html: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def mail_of(message: OutgoingMessage, sender: Party, recipient: Recipient, host: str) -> Mail:
    """Write the mail. host: the machine we run on, for events that name none."""
    machine = host_of(message.message, host)
    subject = subject_of(message, host)
    letter = letter_of(
        message.message,
        subject=subject,
        facts=footer.facts_of(message, machine),
        reason=footer.reason_of(message, recipient),
        commands=footer.commands_of(message),
    )
    own_id = f"<{message.delivery_id}@{sender.domain}>"
    first_id = message.thread.ref if message.thread is not None and _MESSAGE_ID.fullmatch(message.thread.ref) else ""
    return Mail(
        sender=sender,
        recipient=Party(recipient.address, "" if recipient.name == recipient.address else clean(recipient.name, _LONGEST_NAME)),
        subject=subject,
        date=message.sent_at.replace(microsecond=0),
        message_id=own_id,
        root_id=first_id or own_id,
        text=as_text(letter),
        html="" if recipient.format == "text" else as_html(letter),
        headers=_headers(message, sender, first_id, machine),
    )


def as_bytes(mail: Mail) -> bytes:
    """The mail as MIME: ASCII, no line above 78 characters but for ids, CRLF."""
    mime = EmailMessage(policy=_POLICY)
    mime["From"] = _address(mail.sender)
    mime["To"] = _address(mail.recipient)
    mime["Subject"] = mail.subject
    mime["Date"] = mail.date
    mime["Message-ID"] = mail.message_id
    for name, value in mail.headers.items():
        mime[name] = value
    mime.set_content(mail.text, cte="quoted-printable")
    if mail.html:
        mime.add_alternative(mail.html, subtype="html", cte="quoted-printable")
        # The same in every attempt; no text can hold it, as quoted-printable writes each "=" as "=3D".
        mime.set_boundary(f"=_{mail.message_id.strip('<>').partition('@')[0]}")
    return mime.as_bytes()


def party(mailbox: str) -> Party:
    """`Name <name@example.com>`, quoted or not, or the bare address, as the configuration has them."""
    name, bracket, address = mailbox.rpartition("<")
    if not bracket:
        return Party(mailbox)
    return Party(address.removesuffix(">"), name.strip().strip('"'))


def _headers(message: OutgoingMessage, sender: Party, first_id: str, machine: str) -> dict[str, str]:
    event = message.message.event
    described = {
        "Auto-Submitted": "auto-generated",
        "X-Auto-Response-Suppress": "All",
        "List-Id": f"BuildNet notifications <buildnet-notify.{sender.domain}>",
        "X-BuildNet-Event": event.type,
        "X-BuildNet-Incident": message.incident,
        "X-BuildNet-Host": machine,
    }
    # Not every provider would encode what is not ASCII.
    plain = {name: clean(value, _LONGEST_HEADER).encode("ascii", "replace").decode() for name, value in described.items()}
    thread = {"In-Reply-To": first_id, "References": first_id} if first_id else {}
    return {**thread, **{name: value for name, value in plain.items() if value}}


def _address(who: Party) -> Address:
    return Address(display_name=who.name, addr_spec=who.address)


class _WholeIds(email.policy.EmailPolicy):
    """Leaves message ids in one piece; the standard library would encode a long one as if it were prose."""

    def fold_binary(self, name: str, value: Any) -> bytes:
        return f"{name}: {value}{self.linesep}".encode() if name in _IDS else super().fold_binary(name, value)


_IDS: Final = frozenset({"Message-ID", "In-Reply-To", "References", "List-Id"})
_POLICY = _WholeIds(linesep="\r\n", cte_type="7bit")
