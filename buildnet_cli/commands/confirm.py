"""Asking back before strong commands: a code for whoever asked, good for one run of that one command, for a while.

The code is in the answer to the asker and nowhere else: what is kept of it is a hash, salted and slow, because a few digits are
quickly tried.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from buildnet_cli.clock import Clock
from buildnet_cli.commands.grammar import as_code
from buildnet_cli.commands.model import Principal
from buildnet_cli.config.permission import CONFIRMED_FROM_AFAR
from buildnet_cli.config.remote_control import RemoteControl
from buildnet_cli.errors import ConfirmationError, ConfirmationExpiredError, TooManyError, UnsupportedError, UsageError

TRIES = 3
"""How often a code may be given before its command is cancelled."""

WINDOW = timedelta(hours=1)
CODES_IN_WINDOW = 5
"""How many codes one asker gets in an hour."""
WRONG_IN_WINDOW = 10
"""How many wrong ones an asker may give in an hour before no code of theirs is looked at, for an hour."""

_BY_MESSAGE = frozenset({"sms", "email", "slack", "discord", "telegram"})

_SALT_BYTES = 16
# 16 MB and some 50 ms a guess: every code of six digits takes much longer than the longest that one is good.
_SCRYPT = {"n": 1 << 14, "r": 8, "p": 1}

OnLocked = Callable[[Principal], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Policy:
    """Which commands ask back, and how.

    waived: channels that never do. is_elsewhere: whether codes are to go to somebody else than the asker.
    """

    commands: frozenset[str]
    timeout: timedelta
    digits: int
    waived: frozenset[str] = frozenset()
    is_elsewhere: bool = False

    @classmethod
    def from_config(cls, config: RemoteControl) -> Policy:
        """The policy that a configuration asks for."""
        asked, authentication = config.confirmation, config.authentication
        asks = {"sms": authentication.sms.require_confirmation, "email": authentication.email.require_confirmation}
        return cls(
            frozenset(asked.require_confirmation),
            timedelta(seconds=asked.timeout_secs),
            asked.code_length,
            frozenset(channel for channel, does_ask in asks.items() if not does_ask),
            bool(asked.deliver_to),
        )


@dataclass(frozen=True, slots=True)
class Pending:
    """A command that waits for its code.

    request_id: of the request that asked. command: its canonical text. channel, identifier: who alone may confirm it.
    state: open, confirmed, cancelled, replaced or expired. tries: how often a code was given.
    """

    request_id: str
    command: str
    channel: str
    identifier: str
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)
    expires_at: datetime
    state: str = "open"
    tries: int = 0


class ConfirmationStore(Protocol):
    """Where pending commands are kept. `command` and `request_id` narrow a search; None leaves it open."""

    async def add(self, pending: Pending) -> None:
        """Keep one. An open one of the same asker for the same command is replaced, and so is the oldest of too many."""
        ...

    async def take_try(
        self, channel: str, identifier: str, *, command: str | None, request_id: str | None, now: datetime
    ) -> list[Pending]:
        """Those of an asker that are open and have a try left, newest first; it counts as taken when this returns."""
        ...

    async def close(self, request_id: str, state: str) -> bool:
        """Give an open one its last state; whether it was open. Of many who try, one is told that."""
        ...

    async def newest(self, channel: str, identifier: str, *, command: str | None, request_id: str | None) -> Pending | None:
        """The last one of an asker, in whatever state."""
        ...

    async def open_ones(self, channel: str, identifier: str, now: datetime) -> list[Pending]:
        """Those of an asker that still wait, newest first."""
        ...

    async def tally(self, channel: str, identifier: str, *, expiring_after: datetime) -> tuple[int, int]:
        """How many codes an asker got, and how many wrong ones they gave for these. Neither is forgotten by a restart."""
        ...

    async def lock(self, channel: str, identifier: str, *, now: datetime, until: datetime) -> bool:
        """Look at no code of an asker until then; False if that was so already."""
        ...

    async def locked_until(self, channel: str, identifier: str, now: datetime) -> datetime | None:
        """Until when no code of an asker is looked at; None if it is."""
        ...


class Confirmations:
    """Hands out codes and takes them back, once each."""

    def __init__(self, store: ConfirmationStore, clock: Clock, policy: Policy, on_locked: OnLocked | None = None) -> None:
        """on_locked: told of an asker whose codes are no longer looked at."""
        self.policy = policy
        self._store = store
        self._clock = clock
        self._on_locked = on_locked
        # Of those asked for since we started, on a clock that nobody can set back.
        self._deadlines: dict[str, float] = {}

    def is_needed(self, name: str, channel: str) -> bool:
        """Whether a command of this name asks back on a channel."""
        if channel in self.policy.waived:
            return False
        return name in self.policy.commands or (channel in _BY_MESSAGE and name in CONFIRMED_FROM_AFAR)

    async def ask(self, request_id: str, command: str, principal: Principal) -> tuple[str, datetime]:
        """A fresh code for a command, and until when it is good. An earlier code for the same is void then.

        Raises UnsupportedError if the code must go to somebody we have no way to send it to, TooManyError if this asker has
        had enough codes for now.
        """
        if self.policy.is_elsewhere:
            raise UnsupportedError(
                f"{command} needs a code, and sending codes to confirmation.deliver_to is not supported yet; nothing has run"
            )
        await self._check_flood(principal)
        digits = self.policy.digits
        code = f"{secrets.randbelow(10**digits):0{digits}d}"
        salt = secrets.token_bytes(_SALT_BYTES)
        digest = await asyncio.to_thread(_digest, code, salt)
        expires_at = self._clock.now() + self.policy.timeout
        await self._store.add(Pending(request_id, command, principal.channel, principal.identifier, salt, digest, expires_at))
        self._deadlines[request_id] = self._clock.monotonic() + self.policy.timeout.total_seconds()
        return code, expires_at

    async def redeem(self, code: str, principal: Principal, *, command: str | None = None, request_id: str | None = None) -> str:
        """The command that a code permits to run now, once. command, request_id: what it must be for, if that was said.

        Raises UsageError if it is no code at all, ConfirmationExpiredError if it came too late, ConfirmationError if it is wrong
        or used, or nothing waits for one, TooManyError if this asker has given too many wrong ones. What is no code at all is
        counted as a wrong one.
        """
        code = as_code(code)
        asker = (principal.channel, principal.identifier)
        await self._check_lock(principal)
        await self._expire()
        tried = await self._store.take_try(*asker, command=command, request_id=request_id, now=self._clock.now())
        if not (len(code) == self.policy.digits and code.isascii() and code.isdigit()):
            await self._lock_if_due(principal)
            raise UsageError(f"a code has {self.policy.digits} digits; nothing has run")
        for pending in tried:
            digest = await asyncio.to_thread(_digest, code, pending.salt)
            if hmac.compare_digest(digest, pending.digest):
                if await self._store.close(pending.request_id, "confirmed"):
                    return pending.command
                raise _nothing_open(replace(pending, state="confirmed"), command)
        if tried:
            await self._lock_if_due(principal)
            raise _wrong(tried)
        raise _nothing_open(await self._store.newest(*asker, command=command, request_id=request_id), command)

    async def cancel(self, principal: Principal) -> list[str]:
        """Let none of somebody's commands wait any longer; their texts. Raises ConfirmationError if none did."""
        waiting = await self.waiting(principal)
        return [pending.command for pending in waiting if await self._store.close(pending.request_id, "cancelled")]

    async def waiting(self, principal: Principal) -> Sequence[Pending]:
        """What waits for somebody's code, newest first. Raises ConfirmationError if nothing does."""
        await self._expire()
        waiting = await self._store.open_ones(principal.channel, principal.identifier, self._clock.now())
        if not waiting:
            raise _nothing_open(None, None)
        return waiting

    async def _expire(self) -> None:
        """Close what is too old by the steady clock: setting the wall clock back makes no code last longer."""
        now = self._clock.monotonic()
        for request_id in [request_id for request_id, deadline in self._deadlines.items() if deadline <= now]:
            await self._store.close(request_id, "expired")
            del self._deadlines[request_id]

    async def _tally(self, principal: Principal) -> tuple[int, int]:
        since = self._clock.now() - WINDOW + self.policy.timeout
        return await self._store.tally(principal.channel, principal.identifier, expiring_after=since)

    async def _check_flood(self, principal: Principal) -> None:
        await self._check_lock(principal)
        if principal.is_local:
            return
        codes, _ = await self._tally(principal)
        if codes >= CODES_IN_WINDOW:
            raise TooManyError(
                f"{principal.name} has had {CODES_IN_WINDOW} codes within the hour; nothing has run",
                retry_after_secs=WINDOW.total_seconds() / CODES_IN_WINDOW,
                hint="use the newest code, or try again later",
            )

    async def _check_lock(self, principal: Principal) -> None:
        until = await self._store.locked_until(principal.channel, principal.identifier, self._clock.now())
        if until is not None:
            wait = (until - self._clock.now()).total_seconds()
            raise TooManyError(
                f"too many wrong codes: none of {principal.name} is looked at for an hour; nothing has run",
                retry_after_secs=wait,
                hint=f"try again in {max(1, round(wait / 60))} min",
            )

    async def _lock_if_due(self, principal: Principal) -> None:
        _, wrong = await self._tally(principal)
        if wrong < WRONG_IN_WINDOW:
            return
        now = self._clock.now()
        is_new = await self._store.lock(principal.channel, principal.identifier, now=now, until=now + WINDOW)
        if is_new and self._on_locked is not None:
            await self._on_locked(principal)


def _digest(code: str, salt: bytes) -> bytes:
    return hashlib.scrypt(code.encode("ascii"), salt=salt, dklen=32, **_SCRYPT)


def _wrong(tried: Sequence[Pending]) -> ConfirmationError:
    names = " and ".join(pending.command for pending in tried)
    left = TRIES - min(pending.tries for pending in tried)
    if left == 0:
        return ConfirmationError(
            f"the code does not match, for the {TRIES}rd time: {names} is cancelled and has not run", hint=_ask_again(names)
        )
    return ConfirmationError(f"the code does not match: {names} has not run; {left} {'try' if left == 1 else 'tries'} left")


def _nothing_open(last: Pending | None, command: str | None) -> ConfirmationError:
    """Why a code opens nothing. last: the newest that it might have been for."""
    if last is None:
        what = command or "the command"
        return ConfirmationError("nothing waits for a code; nothing has run", hint=f"send {what} first, without a code")
    again = _ask_again(last.command)
    if last.state == "confirmed":
        return ConfirmationError(f"the code for {last.command} has been used; nothing has run again", hint=again)
    if last.state == "expired" or (last.state == "open" and last.tries < TRIES):
        return ConfirmationExpiredError(f"the code for {last.command} has expired; nothing has run", hint=again)
    why = "has been replaced by a newer one" if last.state == "replaced" else "is void, because the command was cancelled"
    return ConfirmationError(f"the code for {last.command} {why}; nothing has run", hint=again)


def _ask_again(command: str) -> str:
    return f"send {command} again for a new code"
