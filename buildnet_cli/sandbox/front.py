"""What all stand-ins over HTTP share: they read a request within bounds, answer as scripted, and leave it in the inbox."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Mapping
from typing import Any

from starlette.requests import Request

from buildnet_cli.clock import Clock
from buildnet_cli.sandbox.inbox import WEBHOOK, Answer, Inbox, Received
from buildnet_cli.sandbox.reading import Reading

MAX_BODY = 1 << 20
"""Bytes of a request that are taken, unless a provider takes more."""

_LONGEST_HANG_SECS = 600.0

Journal = Callable[[Received], None]


class TooLargeError(Exception):
    """A request's body is larger than is taken. limit: in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"at most {limit} bytes are taken")


class Front:
    """One for all stand-ins of a sandbox. journal: told of every request that was kept, before it is answered."""

    def __init__(self, inbox: Inbox, clock: Clock, journal: Journal | None = None) -> None:
        self.inbox = inbox
        self.clock = clock
        self._journal = journal

    async def take(
        self,
        request: Request,
        recipient: str,
        body: Any,
        *,
        provider: str = WEBHOOK,
        reading: Reading | None = None,
        thread: int = 0,
        replaces: int = 0,
    ) -> tuple[Received, Answer]:
        """Keep a request that the provider would take, and say how to answer it; one that is to hang does so in here.

        What the provider would refuse is refused by the stand-in, and not handed in.
        """
        message, answer = self.keep(
            recipient,
            request.method,
            dict(request.headers),
            body,
            provider=provider,
            reading=reading,
            thread=thread,
            replaces=replaces,
        )
        if answer.hangs:
            await hang(request)
        return message, answer

    def keep(
        self, recipient: str, method: str, headers: Mapping[str, str], body: Any, *, provider: str, **details: Any
    ) -> tuple[Received, Answer]:
        """The same for what did not come over HTTP; one that is to hang is the caller's to leave hanging.

        details: as for `Inbox.keep`.
        """
        answer = self.inbox.next_answer(recipient, provider)
        message = self.inbox.keep(
            recipient,
            method,
            headers,
            body,
            self.clock.now(),
            answered=0 if answer.hangs else answer.status,
            provider=provider,
            **details,
        )
        if self._journal is not None:
            self._journal(message)
        return message, answer


async def read_body(request: Request, limit: int = MAX_BODY) -> bytes:
    """The raw body. Raises TooLargeError beyond `limit` bytes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > limit:
            raise TooLargeError(limit)
    return bytes(body)


def parsed(body: bytes) -> Any:
    """The JSON that a body holds, else its text."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


async def hang(request: Request) -> None:
    """Say nothing until the caller gives up. The body has been read."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_LONGEST_HANG_SECS):
            await request.receive()  # so what comes next is the disconnect
