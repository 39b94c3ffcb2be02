"""The sandbox over HTTP: hooks and providers that take messages, an API to read them and to script faults, the inbox page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.trustedhost import TrustedHostMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox import fcm, page, sendgrid, ses, telegram, twilio, twilio_say
from buildnet_cli.sandbox.discord import routes as discord
from buildnet_cli.sandbox.front import Front, TooLargeError, parsed, read_body
from buildnet_cli.sandbox.inbox import Answer, Received, read_answers
from buildnet_cli.sandbox.slack import routes as slack

_STAND_INS: Final[Sequence[Callable[[Front], Sequence[BaseRoute]]]] = (
    twilio.routes,
    twilio_say.routes,
    sendgrid.routes,
    ses.routes,
    slack.routes,
    discord.routes,
    telegram.routes,
    fcm.routes,
)

_PAGE_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}


def create_app(front: Front) -> Starlette:
    """The application."""
    sandbox = _Sandbox(front)
    return Starlette(
        routes=[
            Route("/hooks/{name}", sandbox.hook, methods=["POST", "PUT", "PATCH"]),
            Route("/hooks/{name}/messages/{number:int}", sandbox.change, methods=["PATCH"]),
            *(route for stand_in in _STAND_INS for route in stand_in(front)),
            Route("/api/messages", sandbox.messages, methods=["GET"]),
            Route("/api/messages", sandbox.clear, methods=["DELETE"]),
            Route("/api/faults/{name:path}", sandbox.faults, methods=["POST"]),
            Route("/", sandbox.inbox_page, methods=["GET"]),
            Route("/{name}", sandbox.asset, methods=["GET"]),
        ],
        # A web page elsewhere must not reach us under a name of its own.
        middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=["127.0.0.1", "localhost"])],
        exception_handlers={UsageError: _refused, TooLargeError: _too_large},
    )


class _Sandbox:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._inbox = front.inbox

    async def hook(self, request: Request) -> Response:
        message, answer = await self._front.take(request, request.path_params["name"], parsed(await read_body(request)))
        return _reply(answer, message, wants_message=request.query_params.get("wait") == "true")

    async def change(self, request: Request) -> Response:
        """As Discord's webhooks change a message that they posted."""
        name, number = request.path_params["name"], request.path_params["number"]
        message, answer = await self._front.take(request, name, parsed(await read_body(request)), replaces=number)
        return _reply(answer, message, wants_message=True)

    async def messages(self, request: Request) -> Response:
        since, limit = _number(request, "since", 0), _number(request, "limit", 1000)
        found = self._inbox.messages(since)
        return JSONResponse({"items": [message.as_wire() for message in found[:limit]], "last": self._inbox.last_number})

    async def clear(self, _: Request) -> Response:
        self._inbox.clear()
        return Response(status_code=204)

    async def faults(self, request: Request) -> Response:
        answers = read_answers(parsed(await read_body(request)))
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


def _number(request: Request, name: str, default: int) -> int:
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdecimal() and len(text) <= 12):
        raise UsageError(f"{name} is a whole number, not below 0", where=name)
    return int(text)


async def _refused(_: Request, exc: Exception) -> Response:
    return JSONResponse({"error": str(exc)}, 400)


async def _too_large(_: Request, exc: Exception) -> Response:
    return JSONResponse({"error": str(exc)}, 413)
