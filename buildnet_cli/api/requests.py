"""Reading requests: who asks, a bounded JSON body, and the members of a query."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

from starlette.requests import HTTPConnection, Request

from buildnet_cli.api.auth import PEER, authenticate, require
from buildnet_cli.api.services import Services
from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.errors import BuildNetError, DeniedError, Kind, NotFoundError, TooLargeError, UsageError

MAX_BODY: Final = 4 << 20
"""Bytes of a request's body, arrays of events included."""

LONGEST_BODY_SECS: Final = 30.0
"""How long a body may take to come; one that drips must not keep its place for ever."""

MAX_PAGE: Final = 500
_PAGE = 50
# What is read beyond that and dropped: who is cut off while sending may never see our answer.
_LET_IT_END = 16 << 20


class BadRequestError(BuildNetError):
    """The body is no JSON of the form that was asked for."""

    kind = Kind.USAGE


class TooSlowError(BuildNetError):
    """The body did not come in time."""

    kind = Kind.TIMEOUT


def services_of(request: HTTPConnection) -> Services:
    services = request.app.state.services
    assert isinstance(services, Services)
    return services


def is_on_socket(request: HTTPConnection) -> bool:
    """Whether the request came over the Unix socket."""
    return request.scope.get(PEER) is not None


def caller(request: Request, level: Level, *, body_key: str | None = None) -> Principal:
    """Who asks, proved and of sufficient level. Raises UnauthenticatedError or DeniedError."""
    principal = known_caller(request, body_key=body_key)
    require(principal, level)
    return principal


def known_caller(request: HTTPConnection, *, body_key: str | None = None) -> Principal:
    """Who asks, proved; what they may do is decided elsewhere."""
    services = services_of(request)
    return authenticate(request, keys=services.access().keys, uid=services.uid, body_key=body_key)


def only_on_socket(request: Request) -> None:
    """Raises NotFoundError over TCP: a route that is the local terminal's alone does not exist there."""
    if not is_on_socket(request):
        raise NotFoundError("Not Found")


def check_host(request: HTTPConnection) -> None:
    """Raises DeniedError if a TCP request calls us by a name that is not ours, as a page behind a rebound DNS name does."""
    if is_on_socket(request):
        return
    host = request.headers.get("host", "")
    name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
    if name.lower().strip("[]") not in services_of(request).access().hosts:
        raise DeniedError(
            f"this agent is not called {ascii(name)[:80]}", hint="add the name to agent.api.allowed_hosts in the configuration"
        )


async def read_json(request: Request) -> Any:
    """The body as JSON.

    Raises BadRequestError if it is none, or not declared as such: a form on somebody's web page cannot send this type.
    """
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
        raise BadRequestError("the body must be JSON", hint="send it with Content-Type: application/json")
    body = await _read_body(request)
    try:
        return json.loads(body.decode("utf-8-sig"))
    except UnicodeDecodeError as exc:
        raise BadRequestError(f"the body is no UTF-8 text: byte {exc.start} is 0x{exc.object[exc.start]:02x}") from exc
    except RecursionError:
        raise BadRequestError("the body is nested too deeply to be read") from None
    except ValueError as exc:
        raise BadRequestError(f"the body is no JSON ({exc})"[:200]) from exc


async def _read_body(request: Request) -> bytearray:
    body, size = bytearray(), 0
    try:
        async with asyncio.timeout(LONGEST_BODY_SECS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= MAX_BODY:
                    body += chunk
                elif size > MAX_BODY + _LET_IT_END:
                    break
    except TimeoutError:
        if size <= MAX_BODY:
            raise TooSlowError(f"the body did not come within {LONGEST_BODY_SECS:.0f} s") from None
    if size > MAX_BODY:
        raise TooLargeError(f"the body is larger than {MAX_BODY >> 20} MiB", hint="send it in parts")
    return body


async def read_raw(request: Request, limit: int) -> bytes:
    """The body as it came, for what is signed. Raises TooLargeError beyond `limit` bytes."""
    body = await _read_body(request)
    if len(body) > limit:
        raise TooLargeError(f"the body is larger than {limit >> 10} KiB")
    return bytes(body)


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises BadRequestError if it is anything else."""
    value = await read_json(request)
    if not isinstance(value, dict):
        raise BadRequestError("the body must be a JSON object")
    return value


def read_text(body: dict[str, Any], name: str, *, required: bool = False) -> str | None:
    """A text member of a body. Raises BadRequestError if it is no text, or is missing though required."""
    value = body.get(name)
    if value is None and not required:
        return None
    if not isinstance(value, str):
        raise BadRequestError(f'"{name}" must be text', where=name)
    # Half a surrogate pair is no character, and no answer could hold it.
    return value.encode("utf-8", "replace").decode("utf-8")


def read_limit(request: Request) -> int:
    """How many items a page shall have, 1 to 500. Raises UsageError for anything else."""
    text = request.query_params.get("limit", str(_PAGE))
    if not (text.isascii() and text.isdigit() and 1 <= int(text[:6]) <= MAX_PAGE):
        raise UsageError(f"limit {ascii(text)[:80]} is no number from 1 to {MAX_PAGE}", where="limit")
    return int(text)
