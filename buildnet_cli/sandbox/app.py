"""The sandbox over HTTP: hooks that take messages, an API to read them and to script faults, and the inbox page."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from buildnet_cli.clock import Clock, SystemClock
from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox import page
from buildnet_cli.sandbox.inbox import Answer, Inbox, Received, read_answers

MAX_BODY = 1 << 20
"""Bytes of a request that are taken."""

_LONGEST_HANG_SECS = 600.0

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

Journal = Callable[[Received], None]


class _TooLargeError(Exception):
    """A request's body is larger than the sandbox takes."""


def create_app(inbox: Inbox, *, clock: Clock | None = None, journal: Journal | None = None) -> Starlette:
    """The application. journal: told of every request that a hook took, before it is answered."""
    sandbox = _Sandbox(inbox, clock or SystemClock(), journal)
    return Starlette(
        routes=[
            Route("/hooks/{name}", sandbox.hook, methods=["POST", "PUT", "PATCH"]),
            Route("/api/messages", sandbox.messages, methods=["GET"]),
            Route("/api/messages", sandbox.clear, methods=["DELETE"]),
            Route("/api/faults/{name}", sandbox.faults, methods=["POST"]),
            Route("/", sandbox.inbox_page, methods=["GET"]),
            Route("/{name}", sandbox.asset, methods=["GET"]),
        ],
        # A web page elsewhere must not reach us under a name of its own.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={UsageError: _refused, _TooLargeError: _too_large},
    )


class _Sandbox:
    def __init__(self, inbox: Inbox, clock: Clock, journal: Journal | None) -> None:
        self._inbox = inbox
        self._clock = clock
        self._journal = journal

    async def hook(self, request: Request) -> Response:
        body = _parsed(await _read(request))
        message, answer = self._inbox.receive(
            request.path_params["name"], request.method, dict(request.headers), body, self._clock.now()
        )
        if self._journal is not None:
            self._journal(message)
        if answer.hangs:
            await _hang(request)
        return _reply(answer, message, wants_message=request.query_params.get("wait") == "true")

    async def messages(self, request: Request) -> Response:
        since, limit = _number(request, "since", 0), _number(request, "limit", 1000)
        found = self._inbox.messages(since)
        return JSONResponse({"items": [message.as_wire() for message in found[:limit]], "last": self._inbox.last_number})

    async def clear(self, _: Request) -> Response:
        self._inbox.clear()
        return Response(status_code=204)

    async def faults(self, request: Request) -> Response:
        answers = read_answers(_parsed(await _read(request)))
        self._inbox.script(request.path_params["name"], answers)
        return JSONResponse({"waiting": len(answers)})

    async def inbox_page(self, _: Request) -> Response:
        return Response(page.render(self._inbox.messages()), media_type="text/html", headers=_PAGE_HEADERS)

    async def asset(self, request: Request) -> Response:
        kind = {"inbox.css": "text/css", "inbox.js": "text/javascript"}.get(request.path_params["name"])
        if kind is None:
            return PlainTextResponse("no such page\n", status_code=404)
        return Response(page.asset(request.path_params["name"]), media_type=kind, headers=_PAGE_HEADERS)


def _reply(answer: Answer, message: Received, *, wants_message: bool) -> Response:
    """What the real provider would say: Slack `ok`, Discord the message or nothing, anybody else a receipt."""
    headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
    if answer.text is not None:
        return PlainTextResponse(answer.text, answer.status, headers)
    if answer.status >= 300:
        return JSONResponse({"error": f"scripted {answer.status}"}, answer.status, headers)
    keys = message.body.keys() if isinstance(message.body, dict) else set()
    if "embeds" in keys:
        return JSONResponse({"id": str(message.number)}) if wants_message else Response(status_code=204)
    if "blocks" in keys or "text" in keys:
        return PlainTextResponse("ok", answer.status)
    return JSONResponse({"received": message.number}, answer.status)


async def _hang(request: Request) -> None:
    """Say nothing until the caller gives up."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_HANG_SECS):
            await request.receive()  # the body has been read, so what comes next is the disconnect


async def _read(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise _TooLargeError
    return bytes(body)


def _parsed(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise UsageError(f"{name} is a whole number, not below 0", where=name)
    return int(text)


async def _refused(_: Request, exc: Exception) -> Response:
    return JSONResponse({"error": str(exc)}, 400)


async def _too_large(_: Request, __: Exception) -> Response:
    return JSONResponse({"error": f"at most {MAX_BODY} bytes are taken"}, 413)
