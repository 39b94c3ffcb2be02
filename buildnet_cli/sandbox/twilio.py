"""Stands in for Twilio's Messages API: takes text messages, lists them, and refuses what Twilio refuses, in its words.

Source: Twilio "Message resource", "Twilio's response", "Test credentials" (the magic numbers).
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.messages import gsm7
from buildnet_cli.sandbox.front import Front, read_body
from buildnet_cli.sandbox.inbox import Answer, Received
from buildnet_cli.sandbox.reading import Reading

PROVIDER: Final = "twilio"
PREFIX: Final = "/twilio"
"""What a `base_url` for this stand-in ends in."""

ACCOUNT_SID: Final = "AC00000000000000000000000000000000"
AUTH_TOKEN: Final = "twilio-sandbox-token"  # noqa: S105  (nobody else takes it)
SERVICE_SID: Final = "MG00000000000000000000000000000000"
FROM_NUMBER: Final = "+15005550006"
"""The one number of the account; it is also the magic one that works."""

_FROM_FLAWS: Final = {
    "+15005550001": (21212, "Invalid From Number (caller ID): {}"),
    "+15005550007": (21606, "The From phone number {} is not a valid, SMS-capable inbound phone number for your account."),
    "+15005550008": (21611, "This 'From' number {} has exceeded the maximum number of queued messages"),
}
_TO_FLAWS: Final = {
    "+15005550001": (21211, "Invalid 'To' Phone Number: {}"),
    "+15005550002": (21612, "Message cannot be sent with the current combination of 'To' ({}) and/or 'From' parameters"),
    "+15005550003": (21408, "Permission to send an SMS has not been enabled for the region indicated by the 'To' number: {}"),
    "+15005550004": (21610, "Attempt to send to unsubscribed recipient"),
    "+15005550009": (21614, "'To' number {} is not a valid mobile number"),
}
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
_LONGEST_BODY = 1_600
_MOST_LISTED = 1_000
_UNTITLED: Final = {400: (20001, "Bad Request"), 401: (20003, "Authenticate"), 429: (20429, "Too Many Requests")}


def routes(front: Front) -> Sequence[BaseRoute]:
    """`{PREFIX}/2010-04-01/Accounts/{account}/Messages…`"""
    account = _Account(front)
    path = f"{PREFIX}/2010-04-01/Accounts/{{account}}/Messages"
    return (
        Route(f"{path}.json", _refusing(account.create), methods=["POST"]),
        Route(f"{path}.json", _refusing(account.list), methods=["GET"]),
        Route(f"{path}/{{sid}}.json", _refusing(account.fetch), methods=["GET"]),
    )


class _RefusedError(Exception):
    def __init__(self, status: int, code: int, message: str) -> None:
        self.status, self.code, self.message = status, code, message


class _Account:
    def __init__(self, front: Front) -> None:
        self._front = front

    async def create(self, request: Request) -> Response:
        form = dict(parse_qsl((await read_body(request)).decode("utf-8", "replace"), keep_blank_values=True))
        _authenticate(request)
        _check(form)
        received, answer = await self._front.take(request, form["To"], form, provider=PROVIDER, reading=_reading(form))
        return _scripted(answer) or JSONResponse(_resource(received), 201)

    async def list(self, request: Request) -> Response:
        _authenticate(request)
        query, path = request.query_params, request.url.path.removeprefix(PREFIX)
        wanted = {name: query[name] for name in ("To", "From") if name in query}
        found = [each for each in reversed(self._taken()) if wanted.items() <= each.body.items()]
        size, number = min(_number(query, "PageSize", 50), _MOST_LISTED), _number(query, "Page", 0)
        shown = found[number * size : (number + 1) * size]

        def uri(page: int) -> str:
            return f"{path}?{urlencode({**wanted, 'PageSize': size, 'Page': page})}"

        return JSONResponse(
            {
                "messages": [_resource(each) for each in shown],
                "page": number,
                "page_size": size,
                "start": number * size,
                "end": number * size + max(len(shown) - 1, 0),
                "uri": uri(number),
                "first_page_uri": uri(0),
                "next_page_uri": uri(number + 1) if len(found) > (number + 1) * size else None,
                "previous_page_uri": uri(number - 1) if number else None,
            }
        )

    async def fetch(self, request: Request) -> Response:
        _authenticate(request)
        found = next((each for each in self._taken() if _sid(each) == request.path_params["sid"]), None)
        if found is None:
            path = request.url.path.removeprefix(PREFIX)
            raise _RefusedError(404, 20404, f"The requested resource {path} was not found")
        return JSONResponse(_resource(found))

    def _taken(self) -> Sequence[Received]:
        """What Twilio has: also what it left without an answer."""
        return [each for each in self._front.inbox.messages() if each.provider == PROVIDER and each.answered < 300]


def _refusing(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    async def answered(request: Request) -> Response:
        try:
            return await endpoint(request)
        except _RefusedError as refused:
            return _error(refused)

    return answered


def _authenticate(request: Request) -> None:
    expected = base64.b64encode(f"{ACCOUNT_SID}:{AUTH_TOKEN}".encode()).decode("ascii")
    given = request.headers.get("authorization", "")
    is_ours = hmac.compare_digest(given.encode(), f"Basic {expected}".encode())
    if not is_ours or request.path_params["account"] != ACCOUNT_SID:
        raise _RefusedError(401, 20003, "Authenticate")


def _check(form: Mapping[str, str]) -> None:
    to, sender, service = form.get("To", ""), form.get("From", ""), form.get("MessagingServiceSid", "")
    if not to:
        raise _RefusedError(400, 21604, "A 'To' phone number is required.")
    if not sender and not service:
        raise _RefusedError(400, 21603, "A 'From' phone number is required.")
    if not form.get("Body"):
        raise _RefusedError(400, 21602, "Message body is required.")
    if len(form["Body"]) > _LONGEST_BODY:
        raise _RefusedError(400, 21617, "The concatenated message body exceeds the 1600 character limit.")
    if not _PHONE.fullmatch(to):
        raise _RefusedError(400, 21211, f"Invalid 'To' Phone Number: {to}")
    for number, flaws in ((sender, _FROM_FLAWS), (to, _TO_FLAWS)):
        if number in flaws:
            code, message = flaws[number]
            raise _RefusedError(429 if code == 21611 else 400, code, message.format(number))
    if sender and sender != FROM_NUMBER:
        code, message = _FROM_FLAWS["+15005550007" if _PHONE.fullmatch(sender) else "+15005550001"]
        raise _RefusedError(400, code, message.format(sender))
    if service and service != SERVICE_SID:
        raise _RefusedError(404, 21701, f"The Messaging Service {service} does not exist")


def _resource(received: Received) -> dict[str, Any]:
    form, sid, at = received.body, _sid(received), _rfc2822(received.received_at)
    has_service = "MessagingServiceSid" in form
    uri = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages/{sid}"
    return {
        "account_sid": ACCOUNT_SID,
        "api_version": "2010-04-01",
        "body": form["Body"],
        "date_created": at,
        "date_sent": None,
        "date_updated": at,
        "direction": "outbound-api",
        "error_code": None,
        "error_message": None,
        "from": form.get("From"),
        "messaging_service_sid": form.get("MessagingServiceSid"),
        "num_media": "0",
        "num_segments": "0" if has_service else str(gsm7.segments(form["Body"])),
        "price": None,
        "price_unit": None,
        "sid": sid,
        "status": "accepted" if has_service else "queued",
        "subresource_uris": {"media": f"{uri}/Media.json"},
        "to": form["To"],
        "uri": f"{uri}.json",
    }


def _sid(received: Received) -> str:
    return f"SM{received.number:032x}"


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    text = query.get(name, "")
    return int(text) if re.fullmatch(r"[0-9]{1,6}", text) else default


def _rfc2822(moment: datetime) -> str:
    return f"{moment:%a, %d %b %Y %H:%M:%S} +0000"


def _reading(form: Mapping[str, str]) -> Reading:
    title, _, line = form["Body"].partition("\n")
    count, alphabet = gsm7.segments(form["Body"]), "GSM-7" if gsm7.is_gsm7(form["Body"]) else "UCS-2"
    sender = form.get("From") or form["MessagingServiceSid"]
    return Reading("sms", title, line, note=f"from {sender} · {count} segment{'s' if count > 1 else ''} of {alphabet}")


def _scripted(answer: Answer) -> Response | None:
    """The answer that was asked for in advance, in Twilio's form; None if all is well."""
    headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
    if answer.text is not None:
        return PlainTextResponse(answer.text, answer.status, headers)
    if answer.status < 300:
        return None
    code, message = _UNTITLED.get(answer.status, (20000 + answer.status, f"scripted {answer.status}"))
    return _error(_RefusedError(answer.status, code, message), headers)


def _error(refused: _RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    more_info = f"https://www.twilio.com/docs/errors/{refused.code}"
    body = {"code": refused.code, "message": refused.message, "more_info": more_info, "status": refused.status}
    return JSONResponse(body, refused.status, headers)
