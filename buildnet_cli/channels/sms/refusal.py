"""What Twilio's answer means for the message. Pure.

Source: Twilio "Error and Warning Dictionary"; "Twilio's response" (`{code, message, more_info, status}`); RFC 9457 (`title` and
`detail`, in its newer products); "Error 20429" (such a request was not processed).
"""

from __future__ import annotations

import json
from typing import Any, Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, quote

_RETRY, _PERMANENT, _HOLD = Outcome.RETRY, Outcome.PERMANENT, Outcome.HOLD

_CODES: Final[dict[int, tuple[Outcome, str]]] = {
    20003: (_HOLD, "check account_sid and auth_token; what is waiting is kept"),
    20404: (_PERMANENT, "check account_sid, and base_url if it is set"),
    20429: (_RETRY, ""),
    21211: (_PERMANENT, "check the recipient's phone: + and the country code, then the number"),
    21212: (_PERMANENT, "check from_number: it is a number that Twilio gave you, with + and the country code"),
    21408: (_PERMANENT, "allow the recipient's country in the Twilio console, under Messaging, Geo permissions"),
    21602: (_PERMANENT, ""),
    21603: (_PERMANENT, "set from_number or messaging_service_sid"),
    21604: (_PERMANENT, ""),
    21606: (_PERMANENT, "set from_number to a number of this account that can send text messages"),
    21608: (_PERMANENT, "a trial account texts verified numbers only: verify this one in the Twilio console, or upgrade"),
    21610: (_PERMANENT, "this phone has opted out with STOP; only its owner can undo that, by texting START to the same number"),
    21611: (_RETRY, ""),
    21612: (_PERMANENT, "this number cannot be reached from from_number; try another sender, or a messaging service"),
    21614: (_PERMANENT, "this is no mobile number; text messages need one"),
    21617: (_PERMANENT, "set max_segments lower"),
}


def check(answer: Answer) -> None:
    """Return if Twilio did what it was asked to. Raises ChannelError otherwise."""
    told = _object(answer)
    try:
        classify(answer)
    except ChannelError as refused:
        code = told.get("code")
        if not isinstance(code, int):
            raise
        outcome, hint = _CODES.get(code, (refused.outcome, refused.hint))
        raise ChannelError(
            f"Twilio {code}: {quote(str(told.get('message') or told.get('detail') or told.get('title') or 'refused'))}",
            outcome=outcome,
            status=answer.status,
            retry_after_secs=refused.retry_after_secs,
            hint=hint,
        ) from None
    if "sid" in told or "messages" in told:
        return
    if answer.status == 201:
        raise ChannelError(f"the answer of {answer.host} broke off", outcome=Outcome.UNKNOWN, status=answer.status)
    # A captive portal or a proxy's own page: it says 200, and Twilio never saw the message.
    raise ChannelError(f"{answer.host} answered with something that is not Twilio's API", outcome=_RETRY, status=answer.status)


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
