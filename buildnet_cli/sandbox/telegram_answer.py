"""What Telegram's stand-in answers with when it refuses, or was told to.

Source: Telegram Bot API "Making requests".
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from buildnet_cli.sandbox.inbox import Answer

Params = Mapping[str, Any]
Method = Callable[[Request, Params], Awaitable[Any]]
"""Returns the result, or the whole answer."""

_TITLES: Final = {
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    409: "Conflict",
    429: "Too Many Requests",
}


class RefusedError(Exception):
    """A method does not do what it was asked. parameters: what a program is to read of the reason."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        self.status, self.description, self.parameters = status, description, parameters


def scripted(answer: Answer) -> Response | None:
    """The answer that was asked for in advance, in Telegram's form; None if all is well."""
    headers = {"Retry-After": f"{answer.retry_after:g}"} if answer.retry_after is not None else {}
    if answer.text is not None:
        return PlainTextResponse(answer.text, answer.status, headers)
    if answer.status < 300:
        return None
    title = _TITLES.get(answer.status, "Internal Server Error")
    if answer.status == 429 and answer.retry_after is not None:
        delay = math.ceil(answer.retry_after)
        return error(RefusedError(429, f"{title}: retry after {delay}", retry_after=delay), headers)
    return error(RefusedError(answer.status, f"{title}: scripted {answer.status}"), headers)


def error(refused: RefusedError, headers: Mapping[str, str] | None = None) -> Response:
    body: dict[str, Any] = {"ok": False, "error_code": refused.status, "description": refused.description}
    if refused.parameters:
        body["parameters"] = refused.parameters
    return JSONResponse(body, refused.status, headers)
