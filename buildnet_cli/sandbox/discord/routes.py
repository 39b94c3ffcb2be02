"""Discord's API under `/discord/api/v10`: a bot's messages and a webhook's, replies, changes, nonces and rate limits."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from buildnet_cli.sandbox.discord.bucket import Buckets
from buildnet_cli.sandbox.discord.form import refusal_of
from buildnet_cli.sandbox.discord.message import BOT, shown, snowflake
from buildnet_cli.sandbox.front import Front, parsed, read_body
from buildnet_cli.sandbox.inbox import Answer
from buildnet_cli.sandbox.posts import Post, Posts

PROVIDER: Final = "discord"

BOT_TOKEN: Final = "sandbox-bot-token"  # noqa: S105  (opens nothing but the sandbox)
"""The one token of a bot that is accepted."""

WEBHOOK_ID: Final = "100000000000000001"
WEBHOOK_TOKEN: Final = "sandbox-webhook-token"  # noqa: S105  (opens nothing but the sandbox)
"""The one webhook that is there: `/discord/api/webhooks/ID/TOKEN`."""

REFUSING: Final = {
    "100000000000010003": (404, 10003, "Unknown Channel"),
    "100000000000050001": (403, 50001, "Missing Access"),
    "100000000000050013": (403, 50013, "Missing Permissions"),
    "100000000000160002": (400, 160002, "Cannot reply without permission to read message history"),
}
"""Channels that refuse: every message, or, the last of them, every reply."""

_MOST_NONCES = 1_000
_WORDS = {400: (50035, "Invalid Form Body"), 404: (10003, "Unknown Channel")}


def routes(front: Front) -> Sequence[Route]:
    """The resources that are there; Discord takes webhooks with and without the version."""
    discord = _Discord(front)
    hook = "/webhooks/{webhook}/{token}"
    return [
        Route("/discord/api/v10/users/@me", discord.me, methods=["GET"]),
        Route("/discord/api/v10/channels/{room}/messages", discord.post, methods=["POST"]),
        Route("/discord/api/v10/channels/{room}/messages/{message}", discord.change, methods=["PATCH"]),
        *(Route(f"/discord/api{version}{hook}", discord.execute, methods=["POST"]) for version in ("", "/v10")),
        *(
            Route(f"/discord/api{version}{hook}/messages/{{message}}", discord.change_executed, methods=["PATCH"])
            for version in ("", "/v10")
        ),
    ]


class _Discord:
    def __init__(self, front: Front) -> None:
        self._front = front
        self._posts = Posts()
        self._buckets = Buckets()
        self._counter = itertools.count()
        self._by_nonce: dict[tuple[str, str], dict[str, Any]] = {}

    async def me(self, request: Request) -> Response:
        return refusal_of_bot(request) or JSONResponse(BOT)

    async def post(self, request: Request) -> Response:
        body = await _body(request)
        room = request.path_params["room"]
        refusal = refusal_of_bot(request) or _refusal_of_room(room, is_reply="message_reference" in body)
        return refusal or await self._take(request, room, body)

    async def change(self, request: Request) -> Response:
        body = await _body(request)
        refusal = refusal_of_bot(request) or _refusal_of_room(request.path_params["room"], is_reply=False)
        return refusal or await self._replace(request, request.path_params["room"], body)

    async def execute(self, request: Request) -> Response:
        body = await _body(request)
        return _refusal_of_webhook(request) or await self._take(request, WEBHOOK_ID, body, webhook=WEBHOOK_ID)

    async def change_executed(self, request: Request) -> Response:
        body = await _body(request)
        return _refusal_of_webhook(request) or await self._replace(request, WEBHOOK_ID, body, webhook=WEBHOOK_ID)

    async def _take(self, request: Request, room: str, body: dict[str, Any], *, webhook: str = "") -> Response:
        refusal, limits = self._refusal_of(request, room, body)
        if refusal is not None:
            return refusal
        known = (room, str(body["nonce"])) if body.get("enforce_nonce") and body.get("nonce") else None
        if known in self._by_nonce:
            return JSONResponse(self._by_nonce[known], headers=limits)
        reference = body.get("message_reference")
        first = self._posts.find(room, str(reference.get("message_id"))) if isinstance(reference, dict) else None
        if reference and first is None and reference.get("fail_if_not_exists", True):
            unknown = {"code": "REPLIES_UNKNOWN_MESSAGE", "message": "Unknown message"}
            return _no(400, 50035, "Invalid Form Body", limits, errors={"message_reference": {"_errors": [unknown]}})
        now = self._front.clock.now()
        message = shown(snowflake(now, next(self._counter)), room, body, now, webhook=webhook)
        if known is not None:
            self._remember(known, message)  # before it is answered: whoever gives up waiting may ask again
        received, answer = await self._front.take(request, room, body, provider=PROVIDER, thread=first.number if first else 0)
        if answer.status >= 300 or answer.text is not None:
            if known is not None:
                del self._by_nonce[known]
            return _scripted(answer, limits)
        self._posts.add(room, Post(message["id"], received.number, room))
        if webhook and request.query_params.get("wait") not in ("true", "1"):
            return Response(status_code=204, headers=limits)
        return JSONResponse(message, headers=limits)

    async def _replace(self, request: Request, room: str, body: dict[str, Any], *, webhook: str = "") -> Response:
        refusal, limits = self._refusal_of(request, room, body)
        if refusal is not None:
            return refusal
        first = self._posts.find(room, request.path_params["message"])
        if first is None:
            return _no(404, 10008, "Unknown Message", limits)
        _, answer = await self._front.take(request, room, body, provider=PROVIDER, replaces=first.number)
        if answer.status >= 300 or answer.text is not None:
            return _scripted(answer, limits)
        now = self._front.clock.now()
        return JSONResponse(shown(first.id, room, body, now, edited_at=now, webhook=webhook), headers=limits)

    def _refusal_of(self, request: Request, room: str, body: dict[str, Any]) -> tuple[Response | None, dict[str, str]]:
        """What the limits and the form say, and the headers for whatever is answered."""
        clock = self._front.clock
        is_served, limits = self._buckets.take(f"{request.method.lower()} {room}", clock.monotonic(), clock.now().timestamp())
        if not is_served:
            return _limited(float(limits["X-RateLimit-Reset-After"]), {**limits, "X-RateLimit-Scope": "user"}), limits
        refusal = refusal_of(body)
        return (JSONResponse(refusal, 400, limits) if refusal is not None else None), limits

    def _remember(self, known: tuple[str, str], message: dict[str, Any]) -> None:
        if len(self._by_nonce) >= _MOST_NONCES:
            del self._by_nonce[next(iter(self._by_nonce))]
        self._by_nonce[known] = message


async def _body(request: Request) -> dict[str, Any]:
    value = parsed(await read_body(request))
    return value if isinstance(value, dict) else {}


def refusal_of_bot(request: Request) -> Response | None:
    """Whether a bot may ask at all; None if it may."""
    if not request.headers.get("user-agent", "").startswith("DiscordBot ("):
        return _no(403, 40333, "internal network error")
    is_known = request.headers.get("authorization") == f"Bot {BOT_TOKEN}"
    return None if is_known else _no(401, 0, "401: Unauthorized")


def _refusal_of_webhook(request: Request) -> Response | None:
    if request.path_params["webhook"] != WEBHOOK_ID:
        return _no(404, 10015, "Unknown Webhook")
    is_known = request.path_params["token"] == WEBHOOK_TOKEN
    return None if is_known else _no(401, 50027, "Invalid Webhook Token")


def _refusal_of_room(room: str, *, is_reply: bool) -> Response | None:
    if not (room.isascii() and room.isdecimal()):
        return _no(404, 0, "404: Not Found")
    if room not in REFUSING or (REFUSING[room][1] == 160002 and not is_reply):
        return None
    return _no(*REFUSING[room])


def _no(status: int, code: int, told: str, headers: Mapping[str, str] | None = None, **details: Any) -> Response:
    return JSONResponse({"message": told, "code": code, **details}, status, {"Via": "1.1 google", **(headers or {})})


def _limited(retry_after: float, headers: Mapping[str, str]) -> Response:
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": False}
    return JSONResponse(body, 429, {**headers, "Retry-After": f"{retry_after:g}"})


def _scripted(answer: Answer, limits: Mapping[str, str]) -> Response:
    headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
    if answer.text is not None:
        return PlainTextResponse(answer.text, answer.status, headers)
    if answer.status == 429:
        return _limited(answer.retry_after or 1.0, limits)
    code, told = _WORDS.get(answer.status, (0, f"{answer.status}: refused"))
    return _no(answer.status, code, told, {**limits, **headers})
