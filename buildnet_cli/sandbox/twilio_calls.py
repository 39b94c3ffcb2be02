"""What Twilio sends to an application: genuine requests for what somebody texted, and for what became of a message. Pure.

Source: Twilio "TwiML for Programmable SMS" (the fields), "Track outbound message status", "Validating requests".
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import html
import re
import secrets
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

from buildnet_cli.messages import gsm7
from buildnet_cli.sandbox import twilio
from buildnet_cli.sandbox.call import Call

_ANSWERED = re.compile(r"<Message>(.*?)</Message>", re.DOTALL)
# They come without a value, too, and are signed nevertheless.
_PLACES: Final = {f"{side}{part}": "" for side in ("From", "To") for part in ("City", "State", "Zip")}


def text_message(url: str, sender: str, text: str, **fields: str) -> Call:
    """What somebody texted. fields: take the place of the usual ones, or come on top."""
    sid = f"SM{secrets.token_hex(16)}"
    usual = {
        "ToCountry": "US",
        "FromCountry": "US",
        **_PLACES,
        "SmsMessageSid": sid,
        "NumMedia": "0",
        "SmsSid": sid,
        "SmsStatus": "received",
        "Body": text,
        "To": twilio.FROM_NUMBER,
        "NumSegments": str(gsm7.segments(text)),
        "MessageSid": sid,
        "AccountSid": twilio.ACCOUNT_SID,
        "From": sender,
        "ApiVersion": "2010-04-01",
    }
    return signed(url, usual | fields)


def status_report(url: str, sid: str, status: str, **fields: str) -> Call:
    """What became of a message. status: delivered, undelivered … fields: such as ErrorCode."""
    usual = {
        "MessageSid": sid,
        "SmsSid": sid,
        "MessageStatus": status,
        "SmsStatus": status,
        "From": twilio.FROM_NUMBER,
        "AccountSid": twilio.ACCOUNT_SID,
        "ApiVersion": "2010-04-01",
    }
    return signed(url, usual | fields)


def signed(url: str, fields: Mapping[str, str], token: str = twilio.AUTH_TOKEN) -> Call:
    """A form with its signature."""
    covered = url + "".join(name + fields[name] for name in sorted(fields))
    signature = base64.b64encode(hmac.new(token.encode(), covered.encode(), hashlib.sha1).digest()).decode("ascii")
    headers = {
        "content-type": "application/x-www-form-urlencoded; charset=utf-8",
        "user-agent": "TwilioProxy/1.1",
        "x-twilio-signature": signature,
    }
    return Call(url, headers, urlencode(fields).encode("ascii"))


def answered(twiml: str) -> list[str]:
    """The texts that an application answers with."""
    return [html.unescape(text) for text in _ANSWERED.findall(twiml)]
