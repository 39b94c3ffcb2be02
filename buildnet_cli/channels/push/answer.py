"""What Firebase and Google's token endpoint mean by their answers. Pure.

Source: Firebase "FCM Error Codes" and "Scale with FCM" (429 without Retry-After: wait 60 s); Google "Using OAuth 2.0 for Server
to Server Applications", JWT error codes.
"""

from __future__ import annotations

import json
from typing import Any, Final

from buildnet_cli.delivery.model import Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, quote

_RETRY, _PERMANENT, _HOLD = Outcome.RETRY, Outcome.PERMANENT, Outcome.HOLD

_DELAY_OF_429 = 60.0

_RIGHTS = (
    "turn on the Firebase Cloud Messaging API (V1), and give the service account the role that sends; what is waiting is kept"
)
_RENEW = "check firebase.credentials: the key may have been deleted; what is waiting is kept"

# Error code, else status word → outcome, hint. An `errorCode` speaks of this message, a bare status word of the whole request.
_CODES: Final[dict[str, tuple[Outcome, str]]] = {
    "INVALID_ARGUMENT": (_PERMANENT, "check the topic's name"),
    "UNREGISTERED": (Outcome.GONE, "nobody is registered under that name any more; remove it"),
    "SENDER_ID_MISMATCH": (_PERMANENT, "the app belongs to another Firebase project; check firebase.project_id"),
    "THIRD_PARTY_AUTH_ERROR": (_PERMANENT, "set the APNs key in the Firebase console, Cloud Messaging, for the iOS app"),
    "QUOTA_EXCEEDED": (_RETRY, ""),
    "UNAVAILABLE": (_RETRY, ""),
    "INTERNAL": (_RETRY, ""),
}
_WORDS: Final[dict[str, tuple[Outcome, str]]] = {
    "INVALID_ARGUMENT": (_PERMANENT, ""),
    "UNAUTHENTICATED": (_HOLD, _RENEW),
    "PERMISSION_DENIED": (_HOLD, _RIGHTS),
    "NOT_FOUND": (_HOLD, "check firebase.project_id, and base_url if it is set; what is waiting is kept"),
    "RESOURCE_EXHAUSTED": (_RETRY, ""),
    "UNAVAILABLE": (_RETRY, ""),
    "INTERNAL": (_RETRY, ""),
}
_GRANTS: Final[tuple[tuple[str, str], ...]] = (
    ("short-lived token", "set this machine's clock: Google refuses what is signed at another time; what is waiting is kept"),
    ("account not found", "the service account is gone; make another one in the Firebase console; what is waiting is kept"),
    ("invalid jwt signature", "the key was deleted; make a new one in the Firebase console; what is waiting is kept"),
)


def sent(answer: Answer, topic: str) -> Receipt:
    """The receipt if Firebase took the message. Raises ChannelError otherwise."""
    said = _object(answer)
    error = said.get("error")
    if isinstance(error, dict):
        raise _refusal(answer, error)
    _check(answer)
    name = said.get("name")
    if not isinstance(name, str):
        raise ChannelError(
            f"{answer.host} answered with something that is not Firebase's API", outcome=_RETRY, status=answer.status
        )
    # Firebase does not say how many that are; a topic that nobody has is taken as well.
    return Receipt(quote(name.rpartition("/")[2]), f"taken for everybody on topic {topic}")


def is_token_refused(answer: Answer) -> bool:
    """Whether another access token may help; one for Apple, which Firebase holds, cannot be mended from here."""
    error = _object(answer).get("error")
    return answer.status == 401 and not (isinstance(error, dict) and _error_code(error) == "THIRD_PARTY_AUTH_ERROR")


def granted(answer: Answer) -> tuple[str, float]:
    """An access token, and for how many seconds it is good. Raises ChannelError if none was given."""
    said = _object(answer)
    if isinstance(said.get("error"), str) and 400 <= answer.status < 500 and answer.status not in (408, 425, 429):
        told = quote(str(said.get("error_description") or said["error"]))
        hint = next((hint for words, hint in _GRANTS if words in told.lower()), _RENEW)
        raise ChannelError(f"{answer.host} gave no access: {told}", outcome=_HOLD, status=answer.status, hint=hint)
    try:
        _check(answer)
    except ChannelError as refused:
        # No message was refused, only the credential; or its address is wrong.
        if refused.outcome is _PERMANENT:
            raise ChannelError(refused.message, outcome=_HOLD, status=answer.status, hint=_RENEW) from None
        raise
    token, lasts_secs = said.get("access_token"), said.get("expires_in")
    if not isinstance(token, str) or not token.isascii() or not token.isprintable():
        raise ChannelError(f"{answer.host} answered without an access token", outcome=_RETRY, status=answer.status)
    is_number = isinstance(lasts_secs, int | float) and not isinstance(lasts_secs, bool)
    return token, max(float(lasts_secs or 0), 0.0) if is_number else 0.0


def _refusal(answer: Answer, error: dict[str, Any]) -> ChannelError:
    code, word = _error_code(error), str(error.get("status") or "")
    meaning = _CODES.get(code) or (_WORDS.get(word) if not code else None)
    told = quote(f"{code or word or answer.status}: {error.get('message') or 'refused'}")
    try:
        _check(answer)
    except ChannelError as refused:
        outcome, hint = meaning or (refused.outcome, refused.hint)
        delay = refused.retry_after_secs if outcome is _RETRY else None
        return ChannelError(f"FCM {told}", outcome=outcome, status=answer.status, retry_after_secs=delay, hint=hint)
    outcome, hint = meaning or (_PERMANENT, "")
    return ChannelError(f"FCM {told}", outcome=outcome, status=answer.status, hint=hint)


def _check(answer: Answer) -> None:
    try:
        classify(answer)
    except ChannelError as refused:
        if answer.status == 429 and refused.retry_after_secs is None:
            refused.retry_after_secs = _DELAY_OF_429
        raise


def _error_code(error: dict[str, Any]) -> str:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict) and str(detail.get("@type", "")).endswith("fcm.v1.FcmError"):
            return str(detail.get("errorCode") or "")
    return ""


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
