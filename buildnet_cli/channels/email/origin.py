"""Who a mail says it is from, which one it is, and when it was written. Pure; all of it is a claim until it is proved.

Source: RFC 5322 sections 3.3, 3.4 and 3.6.4, in the strict part of their grammar.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from buildnet_cli.channels.email.encoded import MALFORMED, decoded
from buildnet_cli.channels.email.headers import RawMail
from buildnet_cli.commands.inbound import ForgedError
from buildnet_cli.config.address import as_email

_MAILBOX = re.compile(
    r'(?:(?:"(?P<quoted>[^"\\]*)"|(?P<plain>[^"\\<>()@,:;\[\]]*))[ \t]*<(?P<inside>[^<>]*)>|(?P<bare>[^<>" \t]+))'
)
_MESSAGE_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_OLDEST = timedelta(hours=24)

# RFC 5322 section 3.6: what a mail has once at most, and must have.
_ONCE = ("sender", "reply-to", "to", "cc", "bcc", "in-reply-to", "references", "mime-version", "content-transfer-encoding")


@dataclass(frozen=True, slots=True)
class Origin:
    """What a mail claims.

    address: who wrote it, in lower case. message_id: with its angle brackets. subject: as written, not decoded.
    """

    address: str
    message_id: str
    subject: str
    date: datetime

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


def origin_of(mail: RawMail, now: datetime) -> Origin:
    """Read the claim. Raises ForgedError if it can be read in two ways, or is more than 24 hours away from now."""
    for name in _ONCE:
        mail.maybe(name)
    mail.one("content-type")
    origin = Origin(
        address=_address(mail.one("from")),
        message_id=message_id_in(mail.one("message-id")),
        subject=mail.one("subject"),
        date=_date(mail.one("date")),
    )
    if not origin.message_id:
        raise ForgedError("the mail's Message-ID is none")
    if abs(now - origin.date) > _OLDEST:
        raise ForgedError("the mail was written more than 24 hours ago, or is dated ahead")
    return origin


def message_id_in(value: str) -> str:
    """The one message id of a field, with its angle brackets; empty if it holds none, or more."""
    return value if _MESSAGE_ID.fullmatch(value) else ""


def _address(value: str) -> str:
    """The one address. A name that looks like an address, a comment, a group, a list and a route are refused."""
    found = _MAILBOX.fullmatch(value)
    if found is None or "@" in decoded(found["quoted"] or found["plain"] or ""):
        raise ForgedError("the mail's From is not one plain address")
    try:
        return as_email(found["inside"] if found["inside"] is not None else found["bare"]).lower()
    except ValueError as error:
        raise ForgedError("the mail's From is not one plain address") from error


def _date(value: str) -> datetime:
    try:
        date = parsedate_to_datetime(value)
        # A date in "-0000" says only that it is UTC.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).astimezone(UTC)
    except MALFORMED as error:
        raise ForgedError("the mail's Date is none") from error
