"""What an answer of SendGrid means. Pure.

Source: SendGrid "Mail Send errors" (`{errors: [{message, field, help}]}`) and "Rate limits"
(X-RateLimit-Reset, seconds since 1970).
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, clamp_delay, classify

_HINTS = {
    401: "check sendgrid.api_key; what is waiting is kept",
    403: "verify the address in from in SendGrid, and let the key send mail; what is waiting is kept",
}


def message_id(answer: Answer) -> str:
    """SendGrid's id of the mail if it was taken. Raises ChannelError otherwise."""
    try:
        classify(replace(answer, text=_said(answer)))
    except ChannelError as refused:
        if refused.outcome is Outcome.RETRY and refused.retry_after_secs is None:
            refused.retry_after_secs = _reset_delay(answer)
        refused.hint = _HINTS.get(answer.status, refused.hint)
        raise
    given = answer.headers.get("x-message-id", "")
    return given[:100] if given.isascii() and given.isprintable() else ""


def _said(answer: Answer) -> str:
    """`The from address does not match … (from.email)`; the whole text if it has another form."""
    try:
        errors: Any = json.loads(answer.text)["errors"]
        told = [f"{error['message']}" + (f" ({error['field']})" if error.get("field") else "") for error in errors]
    except (ValueError, RecursionError, LookupError, TypeError, AttributeError):
        return answer.text
    return "; ".join(told)


def _reset_delay(answer: Answer) -> float | None:
    text = answer.headers.get("x-ratelimit-reset", "").strip()
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        return None
    return clamp_delay(int(text) - answer.received_at.timestamp())
