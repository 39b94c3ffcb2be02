"""Which artifacts have to go, and when somebody should hear that the cache fills up. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from buildnet_cli.engine.local.artifacts import Artifact

# Down to this share of the limit, so that a full cache is not swept at every build.
_SWEEP_TO_PERCENT = 90
_HYSTERESIS_POINTS = 5


@dataclass(frozen=True, slots=True)
class CacheLimits:
    """size: of all artifacts, in bytes. warn_percent: of that. unused: how long one is kept after its last use."""

    size: int = 5120 << 20
    warn_percent: float = 80
    unused: timedelta = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Eviction:
    """Artifacts that have to go. expired: for their age. crowded: for the size of all; the least lately used first."""

    expired: tuple[Artifact, ...] = ()
    crowded: tuple[Artifact, ...] = ()

    @property
    def all(self) -> tuple[Artifact, ...]:
        return self.expired + self.crowded


def choose(artifacts: Iterable[Artifact], limits: CacheLimits, now: datetime, in_use: Collection[str]) -> Eviction:
    """Decide what goes. in_use: hashes of artifacts that a build works with; they stay whatever happens."""
    oldest_first = sorted(artifacts, key=lambda artifact: (artifact.last_used_at, artifact.hash))
    free = [artifact for artifact in oldest_first if artifact.hash not in in_use]
    expired = tuple(artifact for artifact in free if artifact.last_used_at < now - limits.unused)
    size = sum(artifact.size for artifact in oldest_first) - sum(artifact.size for artifact in expired)
    crowded = []
    if size > limits.size:
        for artifact in free[len(expired) :]:
            if size <= limits.size * _SWEEP_TO_PERCENT / 100:
                break
            crowded.append(artifact)
            size -= artifact.size
    return Eviction(expired, tuple(crowded))


def is_filling(size: int, limits: CacheLimits, was_filling: bool) -> bool:
    """Whether the cache is above its warning level; once it is, it stays so until it is well below it."""
    percent = 100 * size / limits.size
    return percent >= limits.warn_percent - (_HYSTERESIS_POINTS if was_filling else 0)
