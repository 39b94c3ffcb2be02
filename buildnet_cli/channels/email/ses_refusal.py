"""What an answer of Amazon SES means. Pure.

Source: AWS "SendEmail" (SES v2 API) and "Common Error Types"; the error's name comes in `x-amzn-ErrorType`. A daily quota is free
again bit by bit, so AWS advises to wait ten minutes.
"""

from __future__ import annotations

import json
from typing import Any, Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, quote, retry_after_secs

_DAILY_QUOTA_SECS = 600.0
_KEPT = "; what is waiting is kept"

_OUTCOMES: Final[dict[str, tuple[Outcome, str]]] = {
    "TooManyRequestsException": (Outcome.RETRY, ""),
    "ThrottlingException": (Outcome.RETRY, ""),
    "Throttling": (Outcome.RETRY, ""),
    "LimitExceededException": (Outcome.RETRY, "a limit of the account is reached"),
    "ServiceUnavailable": (Outcome.RETRY, ""),
    "InternalFailure": (Outcome.RETRY, ""),
    "RequestExpired": (Outcome.RETRY, "this machine's clock is wrong"),
    "MessageRejected": (Outcome.PERMANENT, "verify the address in from in SES; in the SES sandbox, the recipient's too"),
    "MailFromDomainNotVerifiedException": (Outcome.PERMANENT, "verify the MAIL FROM domain in SES"),
    "NotFoundException": (Outcome.PERMANENT, "check ses.region and base_url"),
    "BadRequestException": (Outcome.PERMANENT, ""),
    "AccountSuspendedException": (Outcome.HOLD, f"AWS has closed the account for sending; ask its support{_KEPT}"),
    "SendingPausedException": (Outcome.HOLD, f"sending is paused in SES; turn it on again{_KEPT}"),
    "AccessDeniedException": (Outcome.HOLD, f"the key may not ses:SendRawEmail; extend its policy{_KEPT}"),
    "InvalidClientTokenId": (Outcome.HOLD, f"check ses.access_key_id{_KEPT}"),
    "UnrecognizedClientException": (Outcome.HOLD, f"check ses.access_key_id and ses.session_token{_KEPT}"),
    "ExpiredTokenException": (Outcome.HOLD, f"ses.session_token has expired; set a new one{_KEPT}"),
    "SignatureDoesNotMatch": (Outcome.HOLD, f"check ses.secret_access_key and ses.region{_KEPT}"),
    "InvalidSignatureException": (Outcome.HOLD, f"check ses.secret_access_key, ses.region and this machine's clock{_KEPT}"),
}


def message_id(answer: Answer) -> str:
    """SES's id of the mail if it was taken. Raises ChannelError otherwise."""
    body = _object(answer)
    error = answer.headers.get("x-amzn-errortype", "").partition(":")[0]
    if not 200 <= answer.status < 300 and error in _OUTCOMES:
        raise _refusal(answer, error, body)
    classify(answer)
    given = body.get("MessageId")
    return given[:100] if isinstance(given, str) and given.isascii() and given.replace("-", "").isalnum() else ""


def _refusal(answer: Answer, error: str, body: dict[str, Any]) -> ChannelError:
    outcome, hint = _OUTCOMES[error]
    said = body.get("message") or body.get("Message")
    text = quote(said) if isinstance(said, str) else ""
    delay = _DAILY_QUOTA_SECS if outcome is Outcome.RETRY and "daily" in text.lower() else retry_after_secs(answer)
    return ChannelError(
        f"{answer.host} answered {answer.status} {error}" + (f": {text}" if text else ""),
        outcome=outcome,
        status=answer.status,
        retry_after_secs=delay if outcome is Outcome.RETRY else None,
        hint=hint,
    )


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
