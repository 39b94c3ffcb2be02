"""The events of the cache, in words."""

from __future__ import annotations

from typing import Any

from buildnet_cli.engine.local.artifacts import Artifact
from buildnet_cli.engine.local.eviction import CacheLimits, Eviction
from buildnet_cli.engine.model import CacheStats
from buildnet_cli.engine.size import format_size
from buildnet_cli.events.model import EventDraft

SUBJECT = "cache"

_MOST_NAMES = 20


def created(artifact: Artifact, output: str) -> EventDraft:
    """The result of a build is kept."""
    message = f"{artifact.package}: {output} cached, {_count(artifact.files, 'file')}, {format_size(artifact.size)}"
    return _draft("cache.artifact.created", message, {**_as_wire(artifact), "output": output}, subject=artifact.package)


def evicted(eviction: Eviction) -> EventDraft:
    """One sweep, with everything that went."""
    gone = eviction.all
    size = sum(artifact.size for artifact in gone)
    causes = [
        f"{len(artifacts):,} {cause}"
        for artifacts, cause in ((eviction.expired, "unused for too long"), (eviction.crowded, "for want of room"))
        if artifacts
    ]
    payload = {
        "artifacts": len(gone),
        "size_bytes": size,
        "expired": len(eviction.expired),
        "crowded": len(eviction.crowded),
        "first": [_as_wire(artifact) for artifact in gone[:_MOST_NAMES]],
    }
    message = f"{_count(len(gone), 'artifact')} evicted, {format_size(size)}: {', '.join(causes)}"
    return _draft("cache.artifact.evicted", message, payload)


def damaged(hash_: str, package: str, reason: str) -> EventDraft:
    """An artifact was not what it should be, and has been put aside."""
    payload = {"artifacts": 1, "reason": "damaged", "first": [{"hash": hash_, "package": package}]}
    message = f"An artifact of {package} is damaged and was put aside; {package} is built again ({reason})"
    return _draft("cache.artifact.evicted", message, payload)


def threshold(size: int, limits: CacheLimits) -> EventDraft:
    """The cache is nearly as large as it may be."""
    percent = round(100 * size / limits.size, 1)
    message = f"Cache {percent:g}% of limit: {format_size(size)} of {format_size(limits.size)}"
    payload = {"size_bytes": size, "limit_bytes": limits.size, "percent": percent, "warn_percent": limits.warn_percent}
    return _draft("cache.threshold", message, payload)


def cleared(removed: CacheStats) -> EventDraft:
    """Somebody had it emptied."""
    message = f"Cache cleared: {_count(removed.artifacts, 'artifact')}, {format_size(removed.size)} freed"
    return _draft("cache.cleared", message, {"artifacts": removed.artifacts, "size_bytes": removed.size})


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _as_wire(artifact: Artifact) -> dict[str, Any]:
    return {"hash": artifact.hash, "package": artifact.package, "size_bytes": artifact.size, "files": artifact.files}


def _draft(type_: str, message: str, payload: dict[str, Any], *, subject: str = SUBJECT) -> EventDraft:
    return EventDraft(type=type_, message=message, subject=subject, source="engine", payload=payload)
