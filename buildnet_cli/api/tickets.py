"""Tickets for the event stream: a browser cannot send a header with a WebSocket, and a key does not belong in a URL."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from buildnet_cli.clock import Clock
from buildnet_cli.commands.model import Principal
from buildnet_cli.errors import ConflictError

LIFETIME: Final = timedelta(seconds=30)
MOST_OPEN: Final = 1000
"""Tickets that may wait to be used."""


@dataclass(frozen=True, slots=True)
class _Issued:
    principal: Principal
    expires_at: datetime


class Tickets:
    """Issued and not yet used. Each is good once, for whoever it was issued to; only its hash is kept."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._issued: dict[bytes, _Issued] = {}

    def issue(self, principal: Principal) -> tuple[str, datetime]:
        """A ticket, and when it expires. Raises ConflictError while too many are open."""
        now = self._clock.now()
        self._issued = {digest: issued for digest, issued in self._issued.items() if issued.expires_at > now}
        if len(self._issued) >= MOST_OPEN:
            raise ConflictError("too many tickets have not been used yet", hint="try again in half a minute")
        ticket, expires_at = secrets.token_urlsafe(32), now + LIFETIME
        self._issued[_digest(ticket)] = _Issued(principal, expires_at)
        return ticket, expires_at

    def redeem(self, ticket: str) -> Principal | None:
        """Whose ticket it is; None for one that is unknown, used or expired."""
        issued = self._issued.pop(_digest(ticket), None)
        return issued.principal if issued is not None and issued.expires_at > self._clock.now() else None


def _digest(ticket: str) -> bytes:
    # Found by its hash, so that the time a look-up takes tells nothing of any ticket.
    return hashlib.sha256(ticket.encode("utf-8", "surrogatepass")).digest()
