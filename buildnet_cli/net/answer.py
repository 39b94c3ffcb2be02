"""What an HTTP answer means for the message that was sent. Pure."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.redact import scrub

# Source: RFC 9110 and the practice of Standard Webhooks; 425 is RFC 8470.
_TRY_AGAIN = frozenset({408, 425, 429})
_CREDENTIAL_REFUSED = frozenset({401, 403})

_SHORTEST_DELAY = 1.0
_LONGEST_DELAY = 86_400.0
_LONGEST_QUOTE = 200
_SECONDS = re.compile(r"[0-9]{1,20}(?:\.[0-9]{1,9})?")
_MAYBE = "the message may have arrived"
_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


@dataclass(frozen=True, slots=True)
class Answer:
    """A provider's answer.

    headers: by lower-case name. text: at most 64 KiB of the body, and less if it broke off.
    host: who answered. received_at: when the status line came. is_whole: the body did not break off before its end.
    """

    status: int
    headers: Mapping[str, str] = field(repr=False)
    text: str = field(repr=False)
    host: str
    received_at: datetime
    is_whole: bool = True


def json_object(answer: Answer) -> dict[str, Any]:
    """The JSON object that the body is; an empty one if it is anything else."""
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def refuse_web_page(answer: Answer) -> None:
    """Raises ChannelError if a page came in the place of an API's answer.

    A captive portal or a proxy's own page says 200, and the provider never saw the message.
    """
    if answer.headers.get("content-type", "").lower().startswith("text/html") or answer.text.lstrip()[:1] == "<":
        raise ChannelError(
            f"{answer.host} answered with a web page instead of its API", outcome=Outcome.RETRY, status=answer.status
        )


def classify(answer: Answer) -> None:
    """Return if the message was taken. Raises ChannelError with what the status means otherwise."""
    status = answer.status
    if 200 <= status < 300 and answer.is_whole:
        return
    if 200 <= status < 300:
        raise ChannelError(
            f"{answer.host} broke off in the middle of its answer; {_MAYBE}", outcome=Outcome.UNKNOWN, status=status
        )
    said = quote(answer.text)
    told = f"{answer.host} answered {status}" + (f": {said}" if said else "")
    if status < 200:
        raise ChannelError(f"{answer.host} answered {status}, which is no final status; {_MAYBE}", outcome=Outcome.UNKNOWN)
    if status < 400:
        raise ChannelError(
            f"{answer.host} answered {status}, a redirect, which is not followed",
            outcome=Outcome.PERMANENT,
            status=status,
            hint="configure the final address",
        )
    if status in _TRY_AGAIN or status >= 500:
        raise ChannelError(told, outcome=Outcome.RETRY, status=status, retry_after_secs=retry_after_secs(answer))
    if status in _CREDENTIAL_REFUSED:
        raise ChannelError(told, outcome=Outcome.HOLD, status=status, hint="check the credential; what is waiting is kept")
    if status == 410:
        raise ChannelError(told, outcome=Outcome.GONE, status=status, hint="the receiver is gone for good; remove it")
    raise ChannelError(told, outcome=Outcome.PERMANENT, status=status)


def retry_after_secs(answer: Answer) -> float | None:
    """The delay that an answer asks for, between 1 s and 24 h; None if it asks for none, or for nonsense.

    In `Retry-After`, as seconds or as a date, else in `X-RateLimit-Reset-After`, else in the body.
    Source: RFC 9110, section 10.2.3; Discord "Rate Limits"; see `delay_in_body`.
    """
    for name in ("retry-after", "x-ratelimit-reset-after"):
        text = answer.headers.get(name, "").strip()
        if _SECONDS.fullmatch(text):
            return clamp_delay(float(text))
        try:
            moment = email.utils.parsedate_to_datetime(text)
        except (ValueError, OverflowError):
            continue
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=UTC)
        return clamp_delay((moment - answer.received_at).total_seconds())
    return delay_in_body(answer)


def delay_in_body(answer: Answer) -> float | None:
    """The delay that a JSON body asks for, `{"retry_after": 30}` or `{"parameters": {"retry_after": 17}}`; None if none.

    Source: Discord "Rate Limits"; Slack "Rate limits"; Telegram Bot API, ResponseParameters.
    """
    body = json_object(answer)
    for part in (body, body.get("parameters")):
        delay = part.get("retry_after") if isinstance(part, dict) else None
        if isinstance(delay, int | float) and not isinstance(delay, bool) and delay > 0:
            return clamp_delay(delay)
    return None


def clamp_delay(seconds: float) -> float:
    """A provider's delay within reason: no busy loop, no week."""
    return min(max(seconds, _SHORTEST_DELAY), _LONGEST_DELAY)


def quote(text: str) -> str:
    """The start of an answer in one line, fit for a person: no control characters, no secret."""
    # Scrubbed before it is cut: of half a secret nobody would know that it is one.
    line = " ".join(_UNPRINTABLE.sub(" ", scrub(text)[: _LONGEST_QUOTE * 8]).split())
    return line if len(line) <= _LONGEST_QUOTE else line[: _LONGEST_QUOTE - 1] + "…"
