"""A mail that SendGrid took for us and posts to us. Pure.

Anybody may post to an open route, so the mail must prove itself: it is signed, whatever the configuration says, and nothing that
the request claims about it is believed. That takes the whole mail: SendGrid has to send it raw.

Source: Twilio SendGrid, Inbound Parse Webhook: multipart/form-data; the mail is in the field `email` with "POST the raw, full
MIME message" on.
"""

from __future__ import annotations

import email.parser
import email.policy
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from email.message import EmailMessage

from buildnet_cli.channels.email.dkim_gate import LookUp
from buildnet_cli.channels.email.encoded import MALFORMED
from buildnet_cli.channels.email.inbound import Admitted, Ignored, MailRules, read_mail
from buildnet_cli.errors import TooLargeError, UsageError

_FIELD = "email"
_OTHER_FIELDS = 64 << 10


def read_posted(
    content_type: str, body: bytes, rules: MailRules, now: datetime, *, look_up: LookUp, is_ours: Callable[[str], bool]
) -> Admitted | Ignored:
    """Read the mail of one request, as `read_mail` does. content_type: of the request, with its boundary.

    Raises UsageError if the request holds no raw mail; TooLargeError; ForgedError; DnsFaultError.
    """
    if len(body) > rules.max_bytes + _OTHER_FIELDS:
        raise TooLargeError(f"the request has {len(body)} bytes; at most {rules.max_bytes + _OTHER_FIELDS} are read")
    # Nobody but a mail server of ours writes its findings where only it can; a request may hold any.
    strict = replace(rules, require_signed=True, authserv_id="")
    return read_mail(_raw_mail(content_type, body), strict, now, look_up=look_up, is_ours=is_ours)


def _raw_mail(content_type: str, body: bytes) -> bytes:
    head = content_type.encode("ascii", "replace").replace(b"\r", b" ").replace(b"\n", b" ")
    try:
        form = email.parser.BytesParser(EmailMessage, policy=email.policy.default).parsebytes(
            b"Content-Type: " + head + b"\r\n\r\n" + body
        )
        is_form = form.get_content_type() == "multipart/form-data" and not form.defects
        found = [part for part in form.iter_parts() if _name(part) == _FIELD] if is_form else []
        mails = [part.get_payload(decode=True) for part in found]
    except MALFORMED as error:
        raise UsageError("the request is no form that can be read") from error
    if len(mails) != 1 or not isinstance(mails[0], bytes):
        raise UsageError(
            f"the request holds no mail in one field {_FIELD}",
            hint='turn on "POST the raw, full MIME message" in the settings of Inbound Parse',
        )
    return mails[0]


def _name(part: email.message.MIMEPart) -> str:
    return str(part.get_param("name", "", header="content-disposition"))
