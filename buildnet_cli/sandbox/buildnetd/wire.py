"""The daemon's ways of refusing, and how it writes a time."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

_MAX_BODY = 2 << 20


@dataclass(eq=False)
class Refusal(Exception):
    """What a handler answers instead: `{error, code, hint?}`."""

    status: int
    code: str
    error: str
    hint: str = ""

    def answer(self) -> Response:
        body = {"error": self.error, "code": self.code}
        return JSONResponse(body | ({"hint": self.hint} if self.hint else {}), self.status)


@dataclass(eq=False)
class Rejection(Exception):
    """What the daemon's framework says before any handler is asked; plain text."""

    status: int
    text: str

    def answer(self) -> Response:
        return PlainTextResponse(self.text, self.status)


async def read_object(request: Request, **kinds: Callable[[Any], bool]) -> dict[str, Any]:
    """The JSON object of a request. kinds: what each known key must hold; other keys are ignored. Raises Rejection."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        raise Rejection(415, "Expected request with `Content-Type: application/json`")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY:
            raise Rejection(413, "Failed to buffer the request body: length limit exceeded")
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        where = "EOF while parsing a value at line 1 column 0" if not body else "expected value at line 1 column 1"
        raise Rejection(400, f"Failed to parse the request body as JSON: {where}") from None
    if not isinstance(value, dict):
        raise _wrong_type("invalid type: expected a struct")
    for name, fits in kinds.items():
        if name in value and not fits(value[name]):
            raise _wrong_type(f"{name}: invalid type")
    return value


def _wrong_type(what: str) -> Rejection:
    return Rejection(422, f"Failed to deserialize the JSON body into the target type: {what} at line 1 column 1")


def timestamp() -> str:
    """Now, as the daemon's JSON has it: nine digits and `Z`."""
    nanoseconds = time.time_ns()
    return f"{datetime.fromtimestamp(nanoseconds // 10**9, UTC):%Y-%m-%dT%H:%M:%S}.{nanoseconds % 10**9:09d}Z"


def in_ledger(moment: str) -> str:
    """A time as `/ledger/*` has it."""
    return moment.removesuffix("Z") + "+00:00"
