"""Errors as RFC 9457 problem details. The one place that knows which status a kind of failure has."""

from __future__ import annotations

import http
import json
import math
from typing import Any, Final

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from buildnet_cli.errors import BuildNetError, Kind, TooManyError
from buildnet_cli.redact import scrub

STATUS_OF: Final = {
    Kind.FAILED: 500,
    Kind.USAGE: 422,
    Kind.TOO_LARGE: 413,
    Kind.CONFIG: 500,
    Kind.DENIED: 403,
    Kind.TOO_MANY: 429,
    Kind.UNREACHABLE: 502,
    Kind.CONFIRMATION_NEEDED: 202,
    Kind.CONFIRMATION_WRONG: 409,
    Kind.CONFIRMATION_EXPIRED: 410,
    Kind.PARTLY: 502,
    Kind.NOT_FOUND: 404,
    Kind.UNKNOWN_PACKAGE: 422,
    Kind.CONFLICT: 409,
    Kind.TIMEOUT: 504,
    Kind.UNSUPPORTED: 501,
    Kind.STORAGE: 507,
}


def problem(
    status: int, kind: Kind, detail: str, *, hint: str = "", where: str = "", headers: dict[str, str] | None = None
) -> Response:
    """A problem document: what failed, and in our own members what kind it is, where, and what to do next."""
    body: dict[str, Any] = {
        "type": "about:blank",
        "title": http.HTTPStatus(status).phrase,
        "status": status,
        "detail": scrub(detail),
        "kind": kind.value,
    }
    body.update({name: scrub(value) for name, value in (("hint", hint), ("where", where)) if value})
    return Response(json.dumps(body), status, headers, media_type="application/problem+json")


def retry_after(secs: float) -> dict[str, str]:
    """The header that says when to come again, in whole seconds and never too early."""
    return {"Retry-After": str(max(1, math.ceil(secs)))}


async def on_error(request: Request, exc: Exception) -> Response:
    """Answer for one of our own errors."""
    assert isinstance(exc, BuildNetError)
    headers = retry_after(exc.retry_after_secs) if isinstance(exc, TooManyError) else None
    return problem(STATUS_OF[exc.kind], exc.kind, exc.message, hint=exc.hint, where=exc.where, headers=headers)


async def on_http_error(request: Request, exc: Exception) -> Response:
    """Answer for what routing itself refuses: unknown paths, wrong methods."""
    assert isinstance(exc, HTTPException)
    kind = Kind.NOT_FOUND if exc.status_code == http.HTTPStatus.NOT_FOUND else Kind.USAGE
    return problem(exc.status_code, kind, exc.detail, headers=dict(exc.headers or {}))
