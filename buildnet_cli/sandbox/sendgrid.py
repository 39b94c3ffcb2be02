"""Stands in for Twilio SendGrid's v3 API: `POST /sendgrid/v3/mail/send`.

Source: SendGrid "Mail Send" and "Mail Send errors"; the sentences are the provider's own.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.mailbox import in_answer_to, reading_of

API_KEY: Final = "SG.sandbox-0123456789.sandbox-key-that-opens-nothing-else"
"""The one key that this stand-in takes."""
PROVIDER: Final = "sendgrid"

_ADDRESS = re.compile(r"[^@\s<>]+@[^@\s<>]+\.[^@\s<>.]+")
_MAX_RECIPIENTS = 1_000
_MAX_BYTES = 30 << 20
_HELP = "http://sendgrid.com/docs/API_Reference/Web_API_v3/Mail/errors.html"
_RESERVED = frozenset({"x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"}) | {
    *("to", "from", "subject", "reply-to", "cc", "bcc")
}
_SAID = {
    401: "The provided authorization grant is invalid, expired, or revoked",
    403: "The from address does not match a verified Sender Identity. Mail cannot be sent until this error is resolved.",
    413: "The payload is too large",
    429: "too many requests",
}


def routes(front: Front) -> Sequence[BaseRoute]:
    """What the sandbox serves for SendGrid."""

    async def send(request: Request) -> Response:
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {API_KEY}".encode()):
            return _refused(401)
        body = parsed(await read_body(request, _MAX_BYTES))
        if flaws := list(_flaws(body)):
            return JSONResponse({"errors": flaws}, 400)
        return await _take(front, request, body)

    return [Route("/sendgrid/v3/mail/send", send, methods=["POST"])]


async def _take(front: Front, request: Request, body: dict[str, Any]) -> Response:
    to = body["personalizations"][0]["to"][0]["email"]
    headers = {name.lower(): value for name, value in body.get("headers", {}).items()}
    texts = {part["type"]: part["value"] for part in body["content"]}
    message, answer = await front.take(
        request,
        to,
        body,
        provider=PROVIDER,
        reading=reading_of(body["subject"], texts.get("text/plain", "")),
        thread=in_answer_to(front.inbox, headers.get("in-reply-to", "")),
    )
    if answer.status >= 300:
        resets_at = front.clock.now().timestamp() + answer.retry_after if answer.retry_after is not None else None
        return _refused(answer.status, text=answer.text, resets_at=resets_at)
    return Response(status_code=202, headers={"X-Message-Id": f"sandbox-{message.number}"})


def _flaws(body: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(body, dict):
        yield _flaw("Bad Request", None)
        return
    people = body.get("personalizations")
    if not isinstance(people, list) or not people or not isinstance(people[0], dict):
        yield _flaw("The personalizations field is required and must have at least one personalization.", "personalizations")
        return
    to = people[0].get("to")
    if not isinstance(to, list) or not to or len(to) > _MAX_RECIPIENTS:
        yield _flaw("The to array is required for all personalization objects.", "personalizations.0.to")
    elif not all(_is_party(who) for who in to):
        yield _flaw("Does not contain a valid address.", "personalizations.0.to")
    elif len({who["email"].lower() for who in to}) < len(to):
        yield _flaw("Each email address in the personalization block should be unique.", "personalizations.0")
    if not _is_party(body.get("from")):
        yield _flaw("The from object must be provided for every email send.", "from.email")
    if not isinstance(body.get("subject"), str) or not body["subject"]:
        yield _flaw("The subject is required.", "subject")
    yield from _content_flaws(body.get("content"))
    yield from _header_flaws(body.get("headers", {}))


def _content_flaws(content: Any) -> Iterator[dict[str, Any]]:
    is_list = isinstance(content, list) and content and all(isinstance(part, dict) for part in content)
    if not is_list or not all(isinstance(part.get("value"), str) and part["value"] for part in content):
        yield _flaw("The content value must be a string at least one character in length.", "content.0.value")
    elif [part.get("type") for part in content] not in (["text/plain"], ["text/html"], ["text/plain", "text/html"]):
        yield _flaw("If present, text/plain and text/html may only be provided once, text/plain first.", "content")


def _header_flaws(headers: Any) -> Iterator[dict[str, Any]]:
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        yield _flaw("The headers must be an object of strings.", "headers")
        return
    for name, value in headers.items():
        if name.lower() in _RESERVED:
            yield _flaw(f"The header {name} is reserved.", f"headers.{name}")
        elif not name.isascii() or not value.isascii() or re.search(r"[\r\n]", name + value):
            yield _flaw("The headers must be ASCII without line feeds.", f"headers.{name}")


def _is_party(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("email"), str) and _ADDRESS.fullmatch(value["email"]) is not None


def _flaw(message: str, field: str | None) -> dict[str, Any]:
    return {"message": message, "field": field, "help": _HELP}


def _refused(status: int, *, text: str | None = None, resets_at: float | None = None) -> Response:
    error = {"message": text or _SAID.get(status, f"scripted {status}"), "field": None, "help": None}
    headers = {"X-RateLimit-Reset": str(round(resets_at))} if resets_at is not None else {}
    return JSONResponse({"errors": [error]}, status, headers)
