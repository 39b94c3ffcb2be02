"""What we answer Twilio with: a text for whoever wrote, or nothing. Pure.

Source: Twilio "TwiML for Programmable SMS": `<Response><Message>…</Message></Response>`, of type text/xml, within 15 s.
"""

from __future__ import annotations

from typing import Final

from buildnet_cli.channels.sms.text import cut
from buildnet_cli.messages import gsm7
from buildnet_cli.messages.fit import drop_unsafe

MEDIA_TYPE: Final = "text/xml"

_MOST_SEGMENTS = 2


def silence() -> str:
    """Nothing is sent back."""
    return _document("")


def answer(text: str) -> str:
    """Texts the words that fit into two segments to whoever wrote; nothing, if there are none."""
    return _document(fitted(text))


def fitted(text: str, most_segments: int = _MOST_SEGMENTS) -> str:
    """An answer in the cheapest alphabet, line by line; what does not fit is left out word by word."""
    lines = [_said(line) for line in text.splitlines()]
    whole = "\n".join(filter(None, lines))
    is_gsm7 = gsm7.is_gsm7(whole)
    return cut(whole, gsm7.capacity(most_segments, gsm7=is_gsm7), is_gsm7=is_gsm7)


def _document(text: str) -> str:
    from twilio.twiml.messaging_response import MessagingResponse

    response = MessagingResponse()
    if text:
        response.message(text)
    return str(response)


def _said(line: str) -> str:
    return " ".join(gsm7.transliterate(drop_unsafe(" ".join(line.split()))).split())
