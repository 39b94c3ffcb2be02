"""Who is calling. The Unix socket is its own proof; on TCP a key is, and loopback is none."""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from starlette.requests import HTTPConnection

from buildnet_cli.commands.authorise import has_level
from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.errors import DeniedError

PEER: Final = "buildnet.peer_uid"
"""Where the server writes the uid of a caller on the Unix socket; None on TCP."""


class UnauthenticatedError(DeniedError):
    """No credential, or a wrong one; the answer is the same for both."""


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A configured key, ready to be compared."""

    name: str
    value: bytes
    permissions: tuple[str, ...]


def authenticate(request: HTTPConnection, *, keys: Sequence[ApiKey], uid: int, body_key: str | None = None) -> Principal:
    """The principal behind a request.

    uid: our own; the same user and root may use the Unix socket.
    body_key: the specification's `auth` member of a command's body.
    Raises UnauthenticatedError for anybody else.
    """
    peer = request.scope.get(PEER)
    if peer is not None:
        if peer in (uid, 0):
            return Principal("local", "socket", f"uid {peer}", ("*",))
        raise UnauthenticatedError(f"this socket belongs to uid {uid}")
    presented = _presented(request.headers) or body_key
    if presented:
        found = _find(presented.encode("utf-8", "surrogatepass"), keys)
        if found is not None:
            address = request.client.host if request.client is not None else None
            return Principal(found.name, "api", found.name, found.permissions, address, request.headers.get("user-agent"))
    raise UnauthenticatedError("a valid API key is needed", hint="send it as Authorization: Bearer KEY")


def require(principal: Principal, level: Level) -> None:
    """Raises DeniedError unless the principal stands at this level or above."""
    if not has_level(principal, level):
        raise DeniedError(f"this needs the level {level}, which {principal.name} does not have")


def _presented(headers: Mapping[str, str]) -> str | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")


def _find(presented: bytes, keys: Sequence[ApiKey]) -> ApiKey | None:
    # Every key is compared, so that the time taken does not tell which one came close.
    found = None
    for key in keys:
        if hmac.compare_digest(presented, key.value):
            found = key
    return found
