"""How often somebody may ask: token buckets, one for each source or person. Pure; times are seconds of a monotonic clock."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Self

from buildnet_cli.commands.model import Level, Principal
from buildnet_cli.config.remote_control import InboundRateLimit
from buildnet_cli.errors import TooManyError

_MOST_KEYS: Final = 10_000


@dataclass(frozen=True, slots=True)
class Rate:
    """So many at once, and so many a second on the long run."""

    burst: float
    per_sec: float

    @classmethod
    def per_minute(cls, count: int, *, burst: int | None = None) -> Self:
        return cls(burst if burst is not None else count, count / 60)


class Buckets:
    """A bucket of tokens for each key, full at first. Keys that have not been seen for long are forgotten: theirs are full."""

    def __init__(self, rate: Rate) -> None:
        self.rate = rate
        self._left: dict[Hashable, tuple[float, float]] = {}

    def wait_secs(self, key: Hashable, now: float) -> float:
        """How long until a token is there; 0 if there is one."""
        missing = 1 - self._tokens(key, now)
        return missing / self.rate.per_sec if missing > 1e-9 else 0.0

    def take(self, key: Hashable, now: float) -> float:
        """Take a token if there is one; how long to wait for the next if there is none, else 0."""
        wait = self.wait_secs(key, now)
        if wait == 0:
            self._left[key] = (self._tokens(key, now) - 1, now)
            if len(self._left) > _MOST_KEYS:
                self._forget_full(now)
        return wait

    def _tokens(self, key: Hashable, now: float) -> float:
        left, at = self._left.get(key, (self.rate.burst, now))
        return min(self.rate.burst, left + max(now - at, 0) * self.rate.per_sec)

    def _forget_full(self, now: float) -> None:
        self._left = {key: left for key, left in self._left.items() if self._tokens(key, now) < self.rate.burst}
        while len(self._left) > _MOST_KEYS:
            del self._left[next(iter(self._left))]  # the oldest: a flood of new keys must not fill the memory


class CommandRates:
    """How many commands somebody who is known may give. The terminal of this machine is not limited."""

    def __init__(self, limits: InboundRateLimit) -> None:
        self._buckets = {level: Buckets(Rate(0, 0)) for level in Level}
        self.limit(limits)

    def limit(self, limits: InboundRateLimit) -> None:
        """Go by other limits from now on; what was taken stays taken."""
        per_minute = {
            Level.READ: limits.read_per_minute,
            Level.BUILD: limits.build_per_minute,
            Level.ADMIN: limits.admin_per_minute,
        }
        for level, count in per_minute.items():
            self._buckets[level].rate = Rate.per_minute(count)

    def take(self, principal: Principal, level: Level, now: float) -> None:
        """Count one command of a level. Raises TooManyError if it is one too many."""
        if principal.is_local:
            return
        wait = self._buckets[level].take((principal.channel, principal.identifier), now)
        if wait:
            most = round(self._buckets[level].rate.burst)
            raise TooManyError(
                f"{principal.name} may give {most} commands of the level {level} a minute; nothing has run",
                retry_after_secs=wait,
                hint=f"try again in {max(1, round(wait))} s",
            )


class SourceRates:
    """How many requests one address may make before anybody is known, and how many of them may fail to prove who they are."""

    def __init__(self, limits: InboundRateLimit) -> None:
        self._requests, self._failures = Buckets(Rate(0, 0)), Buckets(Rate(0, 0))
        self.limit(limits)

    def limit(self, limits: InboundRateLimit) -> None:
        """Go by other limits from now on; what was taken stays taken."""
        self._requests.rate = Rate.per_minute(limits.source_per_minute, burst=limits.source_burst)
        self._failures.rate = Rate(limits.failures_per_5min, limits.failures_per_5min / 300)

    def take(self, address: str, now: float) -> None:
        """Count a request. Raises TooManyError if it is one too many, or if too many of this address have failed."""
        wait = self._failures.wait_secs(address, now) or self._requests.take(address, now)
        if wait:
            raise TooManyError("too many requests", retry_after_secs=wait)

    def fail(self, address: str, now: float) -> None:
        """Count a request whose proof was missing or wrong."""
        self._failures.take(address, now)
