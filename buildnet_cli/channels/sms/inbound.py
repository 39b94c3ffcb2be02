"""A text message that Twilio hands us: who wrote what, or a carrier's keyword, which is no command. Pure.

Source: Twilio "TwiML for Programmable SMS" (the fields), "Support for opt-out keywords", "Advanced Opt-Out" (`OptOutType`).
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from buildnet_cli.channels.sms import signature
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

# Matched on the raw text: libraries for phone numbers fold letters, wide digits, `whatsapp:` and a line end.
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_MESSAGE_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")


class Wish(enum.StrEnum):
    """What a keyword makes the carrier do, before we hear of it."""

    STOP = "STOP"
    """It sends nothing more to that phone; whatever we send is refused with 21610."""
    START = "START"
    """It sends again."""
    HELP = "HELP"
    """It answers by itself."""


_WORDS: Final[Mapping[str, Wish]] = {
    **dict.fromkeys(("STOP", "STOPALL", "UNSUBSCRIBE", "CANCEL", "END", "QUIT", "REVOKE", "OPTOUT"), Wish.STOP),
    **dict.fromkeys(("START", "UNSTOP"), Wish.START),
    **dict.fromkeys(("HELP", "INFO"), Wish.HELP),
}
# It opts in as well, which does no harm; to us it answers a question.
_OURS: Final = "YES"


@dataclass(frozen=True, slots=True)
class Keyword:
    """A bare word that the carrier has acted on. It is never a command, whoever sent it.

    phone: who wrote, in E.164 form. word: as it was written. message_id: Twilio's.
    """

    phone: str
    wish: Wish
    word: str
    message_id: str


def read(sms: Sms, url: str, headers: Mapping[str, str], body: bytes) -> Inbound | Keyword:
    """What somebody texted to us.

    url: from `signature.public_url`. headers: by lower-case name. body: as it came.
    Raises ForgedError if it is not proved to be Twilio's and meant for us; UsageError if it is no text message from a phone.
    """
    fields = own_fields(sms, url, headers, body)
    # An account that names no number of its own takes what goes to any of its numbers.
    if (sms.from_number or sms.messaging_service_sid) and not _is_to_us(sms, fields):
        raise ForgedError("the message went to a number that is not ours")
    phone, message_id, text = fields.get("From", ""), read_sid(fields), fields.get("Body", "")
    if not _PHONE.fullmatch(phone):
        raise UsageError("the message does not come from a phone number", where="From")
    wish = _wish(text, fields.get("OptOutType", ""), is_carriers=sms.keywords == "carrier")
    if wish is not None:
        return Keyword(phone, wish, text.strip(), message_id)
    return Inbound(channel="sms", identifier=phone, text=text, message_id=message_id, reply_to=Address("sms", phone))


def own_fields(sms: Sms, url: str, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """The fields of a request that Twilio has signed for our account. Arguments as for `read`. Raises ForgedError."""
    token = sms.auth_token.get_secret_value() if sms.auth_token is not None else ""
    fields = signature.verified(token, url, headers, body)
    if not sms.account_sid or fields.get("AccountSid") != sms.account_sid:
        raise ForgedError("the request speaks for another Twilio account")
    return fields


def read_sid(fields: Mapping[str, str]) -> str:
    """The id of the message that a request is about. Raises UsageError if it has none."""
    sid = fields.get("MessageSid", "")
    if not _MESSAGE_SID.fullmatch(sid):
        raise UsageError("the request names no message", where="MessageSid")
    return sid


def _is_to_us(sms: Sms, fields: Mapping[str, str]) -> bool:
    is_our_number = sms.from_number is not None and fields.get("To") == sms.from_number
    is_our_service = bool(sms.messaging_service_sid) and fields.get("MessagingServiceSid") == sms.messaging_service_sid
    return is_our_number or is_our_service


def _wish(text: str, opt_out_type: str, *, is_carriers: bool) -> Wish | None:
    """What the carrier makes of a text; None if it leaves it to us.

    Twilio tells of its own filter in OptOutType, whatever the configuration says of it; without that, the bare word tells.
    """
    word = text.strip()
    folded = word.upper() if word.isascii() else ""
    if folded == _OURS:
        return None
    if opt_out_type in Wish.__members__:
        return Wish(opt_out_type)
    return _WORDS.get(folded) if is_carriers else None
