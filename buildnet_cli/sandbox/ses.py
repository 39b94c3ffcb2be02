"""Stands in for Amazon SES, version 2: `POST /ses/v2/email/outbound-emails`, with the signature checked.

Source: AWS "SendEmail" (SES v2 API), "Common Error Types", "Create a signed AWS API request".
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.channels.email.sigv4 import ALGORITHM, Scope, signature
from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.mailbox import in_answer_to, open_mail, reading_of, text_of

ACCESS_KEY_ID: Final = "AKIASANDBOX000000000"
SECRET_ACCESS_KEY: Final = "sandbox/secret/key/that/opens/nothing/el"  # noqa: S105  (it opens this stand-in only)
"""The one pair of keys that this stand-in takes; in any region."""
UNVERIFIED_DOMAIN: Final = "unverified.example"
"""No address of this domain may send."""
PROVIDER: Final = "ses"

_AUTHORIZATION = re.compile(
    rf"{ALGORITHM} Credential=([^/]+)/([0-9]{{8}})/([a-z0-9-]+)/([a-z0-9-]+)/aws4_request, ?"
    r"SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})"
)
_MAX_BYTES = 40 << 20
_MAX_RECIPIENTS = 50
_MAX_SKEW = timedelta(minutes=15)
_SCRIPTED = {
    400: "BadRequestException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "NotFoundException",
    429: "TooManyRequestsException",
}


class _RefusedError(Exception):
    def __init__(self, status: int, name: str, text: str) -> None:
        super().__init__(text)
        self.status, self.name, self.text = status, name, text


def routes(front: Front) -> Sequence[BaseRoute]:
    """What the sandbox serves for SES."""

    async def send(request: Request) -> Response:
        raw = await read_body(request, _MAX_BYTES)
        try:
            _check_signature(request, raw, front.clock.now())
            return await _take(front, request, parsed(raw))
        except _RefusedError as exc:
            return _refusal(exc.status, exc.name, exc.text)

    return [Route("/ses/v2/email/outbound-emails", send, methods=["POST"])]


def _check_signature(request: Request, body: bytes, now: datetime) -> None:
    found = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if found is None:
        raise _RefusedError(403, "MissingAuthenticationTokenException", "Missing Authentication Token")
    key_id, day, region, service, names, given = found.groups()
    if key_id != ACCESS_KEY_ID:
        raise _RefusedError(403, "UnrecognizedClientException", "The security token included in the request is invalid.")
    stamp = request.headers.get("x-amz-date", "")
    signed = {name: request.headers.get(name, "") for name in names.split(";")}
    expected = signature(
        request.method,
        str(request.url),
        body,
        signed,
        secret_access_key=SECRET_ACCESS_KEY,
        scope=Scope(day, region, service),
        stamp=stamp,
    )
    if not {"host", "x-amz-date"} <= signed.keys() or service != "ses" or not hmac.compare_digest(given, expected):
        text = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key."
        raise _RefusedError(403, "SignatureDoesNotMatch", text)
    if abs(datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) - now) > _MAX_SKEW:
        raise _RefusedError(403, "InvalidSignatureException", f"Signature expired: {stamp} is not near {now:%Y%m%dT%H%M%SZ}")


async def _take(front: Front, request: Request, body: Any) -> Response:
    to, raw = _recipient(body), _raw(body)
    mail = open_mail(raw)
    sender = str(body.get("FromEmailAddress") or mail.get("From", ""))
    if sender.rstrip(">").rpartition("@")[2] == UNVERIFIED_DOMAIN:
        text = f"Email address is not verified. The following identities failed the check: {sender}"
        raise _RefusedError(400, "MessageRejected", text)
    message, answer = await front.take(
        request,
        to,
        {"FromEmailAddress": sender, "ToAddresses": [to], "Raw": raw.decode("utf-8", "replace")},
        provider=PROVIDER,
        reading=reading_of(str(mail.get("Subject", "")), text_of(mail)),
        thread=_thread(front, str(mail.get("In-Reply-To", ""))),
    )
    if answer.status >= 300:
        name = _SCRIPTED.get(answer.status, "UnknownError" if answer.status < 500 else "InternalFailure")
        return _refusal(answer.status, name, answer.text or f"scripted {answer.status}", answer.retry_after)
    return JSONResponse({"MessageId": f"{message.number:016x}-sandbox"})


def _thread(front: Front, message_id: str) -> int:
    """SES gives each mail an id of its own, so what is answered is found by that."""
    own = re.fullmatch(r"<([0-9a-f]{16})-sandbox@[a-z0-9-]+\.amazonses\.com>", message_id)
    return int(own[1], 16) if own else in_answer_to(front.inbox, message_id)


def _recipient(body: Any) -> str:
    destination = body.get("Destination") if isinstance(body, dict) else None
    to = destination.get("ToAddresses") if isinstance(destination, dict) else None
    if not isinstance(to, list) or not to or not all(isinstance(who, str) and "@" in who for who in to):
        raise _RefusedError(400, "BadRequestException", "Missing required destination.")
    if len(to) > _MAX_RECIPIENTS:
        raise _RefusedError(400, "MessageRejected", f"Recipient count exceeds {_MAX_RECIPIENTS}.")
    return str(to[0])


def _raw(body: Any) -> bytes:
    try:
        raw = base64.b64decode(body["Content"]["Raw"]["Data"], validate=True)
    except (LookupError, TypeError, ValueError, binascii.Error):
        raise _RefusedError(400, "BadRequestException", "Raw message data must be Base64.") from None
    head = raw.partition(b"\r\n\r\n")[0]
    if b"\nFrom: " not in b"\n" + head:
        raise _RefusedError(400, "BadRequestException", "Missing final '@domain'")
    if any(len(line) > 998 for line in raw.split(b"\r\n")):
        raise _RefusedError(400, "BadRequestException", "A line is longer than 1000 characters.")
    return raw


def _refusal(status: int, name: str, text: str, retry_after: float | None = None) -> Response:
    headers = {"x-amzn-ErrorType": name} | ({"Retry-After": f"{retry_after:g}"} if retry_after is not None else {})
    return JSONResponse({"message": text}, status, headers)
