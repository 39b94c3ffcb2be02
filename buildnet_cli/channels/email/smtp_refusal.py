"""What a mail server's refusal means. Pure.

The class of the enhanced code (4 or 5) wins over the basic code, as it is the more exact one.
Source: RFC 5321 section 4.2, RFC 4954 section 6, RFC 3463 and the registry of enhanced status codes; Google "SMTP errors
and codes"; Microsoft "Fix issues with … SMTP client submission" (5.7.139).
"""

from __future__ import annotations

import re
from typing import Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import quote

_ENHANCED = re.compile(r"([245]\.[0-9]{1,3}\.[0-9]{1,3})\b")

_DAILY_QUOTA_SECS = 3600.0

# Basic code, or enhanced code where that says more.
_OUTCOMES: Final[dict[str, Outcome]] = {
    "534": Outcome.HOLD,
    "535": Outcome.HOLD,
    "538": Outcome.HOLD,
    "5.4.5": Outcome.RETRY,
}

_HINTS: Final[dict[str, str]] = {
    "5.7.139": "Microsoft 365 refuses passwords here unless an administrator turns on authenticated SMTP for this mailbox",
    "5.7.9": "the account needs an app password; make one and set it as smtp.password",
    "5.7.14": "Google wants a sign-in in a browser once; better make an app password and set it as smtp.password",
    "5.4.5": "the account's quota for today is used up",
    "5.1.1": "no such mailbox; correct the recipient's address",
    "5.1.10": "no such mailbox; correct the recipient's address",
    "5.2.2": "the recipient's mailbox is full",
    "530": "the server wants a login, or encryption first: set smtp.username and smtp.password, and tls: true",
    "534": "the server wants another way to sign in; set an app password as smtp.password",
    "535": "check smtp.username and smtp.password (Gmail wants an app password); what is waiting is kept",
    "538": "the server takes a login only over TLS: set tls: true; what is waiting is kept",
    "550": "the server refuses this recipient or this sender; check both addresses",
    "551": "the recipient is not here; correct the address",
    "552": "the mail is larger than the server or the mailbox takes",
    "553": "the server refuses this address; check the recipient and from",
    "554": "the server refuses the mail by its policy; check that it may send for the domain in from (SPF, DKIM)",
}


def refusal(code: int, text: str, host: str) -> ChannelError:
    """A reply of 400 or above as an error. text: what the server said, with its enhanced code if it has one."""
    found = _ENHANCED.match(text.strip())
    enhanced = found[1] if found else ""
    outcome = _OUTCOMES.get(enhanced) or _by_code(code, enhanced)
    if outcome is Outcome.HOLD and enhanced.startswith("4."):
        outcome = Outcome.RETRY
    said = quote(text)
    return ChannelError(
        f"{host} answered {code}" + (f": {said}" if said else ""),
        outcome=outcome,
        status=code,
        retry_after_secs=_DAILY_QUOTA_SECS if enhanced == "5.4.5" else None,
        hint=_HINTS.get(enhanced) or (_HINTS.get(str(code), "") if outcome is not Outcome.RETRY else ""),
    )


def _by_code(code: int, enhanced: str) -> Outcome:
    named = _OUTCOMES.get(str(code))
    if named is not None:
        return named
    is_temporary = enhanced.startswith("4.") if enhanced[:1] in ("4", "5") else 400 <= code < 500
    return Outcome.RETRY if is_temporary else Outcome.PERMANENT
