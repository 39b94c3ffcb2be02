"""The cache's records: the last success of each package, the artifacts, and which results they are."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING

import sqlite_utils

from buildnet_cli.clock import Clock, from_rfc3339, to_rfc3339
from buildnet_cli.delivery.outbox import Write
from buildnet_cli.engine.local.artifacts import Artifact
from buildnet_cli.engine.local.index import Holdings, Memory
from buildnet_cli.events.model import EventDraft
from buildnet_cli.store import switches
from buildnet_cli.store.database import Store
from buildnet_cli.store.rows import Row, rows

if TYPE_CHECKING:
    from buildnet_cli.delivery.ingest import Ingest

_SOURCE = "engine"

CACHE_FILLING = "cache.filling"
"""Somebody was told that the cache fills up."""

_PUT_SUCCESS = """
INSERT INTO successes (package, key, parts, outputs, digests, stored_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (package) DO UPDATE SET key = excluded.key, parts = excluded.parts, outputs = excluded.outputs,
    digests = excluded.digests, stored_at = excluded.stored_at
"""

_PUT_ARTIFACT = """
INSERT INTO artifacts (hash, package, size, files, created_at, last_used_at) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (hash) DO UPDATE SET last_used_at = max(last_used_at, excluded.last_used_at)
"""

_PUT_OUTPUT = """
INSERT INTO cached_outputs (key, output, artifact) VALUES (?, ?, ?)
ON CONFLICT (key, output) DO UPDATE SET artifact = excluded.artifact
"""


class StoredCache:
    """Implements `engine/local/index.CacheIndex`."""

    def __init__(self, store: Store, ingest: Ingest, clock: Clock) -> None:
        self._store = store
        self._ingest = ingest
        self._clock = clock

    async def recall(self, package: str, dependencies: Sequence[str]) -> Memory:
        return await self._store.read(lambda db: recall(db, package, dependencies))

    async def remember(
        self, package: str, memory: Memory, artifacts: Mapping[str, Artifact], events: Sequence[EventDraft] = ()
    ) -> None:
        now = to_rfc3339(self._clock.now())

        def put(db: sqlite_utils.Database) -> None:
            db.execute(_PUT_SUCCESS, [package, memory.key, memory.parts, memory.outputs, memory.digests, now])
            for output, artifact in artifacts.items():
                db.execute(_PUT_ARTIFACT, _to_values(artifact))
                db.execute(_PUT_OUTPUT, [memory.key, output, artifact.hash])

        await self._write(put, events)

    async def artifacts_of(self, key: str) -> dict[str, str]:
        sql = "SELECT output, artifact FROM cached_outputs WHERE key = ?"
        return await self._store.read(lambda db: dict(db.execute(sql, [key]).fetchall()))

    async def holdings(self) -> Holdings:
        return await self._store.read(holdings)

    async def artifacts(self) -> list[Artifact]:
        return await self._store.read(lambda db: [_from_row(row) for row in rows(db, "SELECT * FROM artifacts")])

    async def adopt(self, artifacts: Sequence[Artifact]) -> None:
        present = {artifact.hash for artifact in artifacts}

        def put(db: sqlite_utils.Database) -> None:
            known = {row[0] for row in db.execute("SELECT hash FROM artifacts").fetchall()}
            _delete(db, known - present)
            for artifact in artifacts:
                if artifact.hash not in known:
                    db.execute(_PUT_ARTIFACT, _to_values(artifact))

        await self._store.write(put)

    async def touch(self, hashes: Collection[str]) -> None:
        now = to_rfc3339(self._clock.now())
        values = [(now, hash_) for hash_ in hashes]
        await self._store.write(lambda db: db.conn.executemany("UPDATE artifacts SET last_used_at = ? WHERE hash = ?", values))

    async def remove(self, hashes: Collection[str], events: Sequence[EventDraft]) -> None:
        await self._write(lambda db: _delete(db, hashes), events)

    async def is_filling(self) -> bool:
        return await self._store.read(lambda db: switches.is_on(db, CACHE_FILLING))

    async def set_filling(self, filling: bool, events: Sequence[EventDraft]) -> None:
        await self._write(lambda db: switches.turn(db, CACHE_FILLING, on=filling), events)

    async def _write(self, write: Write, events: Sequence[EventDraft]) -> None:
        """A change of the records and the events that tell of it, in one transaction."""
        await self._ingest.accept_many(events, source=_SOURCE, along_with=[write])


def recall(db: sqlite_utils.Database, package: str, dependencies: Sequence[str]) -> Memory:
    """What is known of a package and of what it depends on."""
    marks = ", ".join("?" * len(dependencies))
    keys = dict(db.execute(f"SELECT package, key FROM successes WHERE package IN ({marks})", list(dependencies)).fetchall())  # noqa: S608  (question marks only)
    row = db.execute("SELECT key, parts, outputs, digests FROM successes WHERE package = ?", [package]).fetchone()
    key, parts, outputs, digests = row if row is not None else ("", "", "", "")
    return Memory(key, parts, outputs, digests, keys)


def holdings(db: sqlite_utils.Database) -> Holdings:
    """All artifacts together."""
    count, size, oldest = db.execute("SELECT count(*), coalesce(sum(size), 0), min(last_used_at) FROM artifacts").fetchone()
    return Holdings(count, size, from_rfc3339(oldest) if oldest is not None else None)


def _delete(db: sqlite_utils.Database, hashes: Collection[str]) -> None:
    # Said for both tables: foreign keys are enforced per connection, and a result without its artifact is none.
    values = [(hash_,) for hash_ in hashes]
    db.conn.executemany("DELETE FROM cached_outputs WHERE artifact = ?", values)
    db.conn.executemany("DELETE FROM artifacts WHERE hash = ?", values)


def _to_values(artifact: Artifact) -> list[str | int]:
    return [
        artifact.hash,
        artifact.package,
        artifact.size,
        artifact.files,
        to_rfc3339(artifact.created_at),
        to_rfc3339(artifact.last_used_at),
    ]


def _from_row(row: Row) -> Artifact:
    return Artifact(
        row["hash"], row["package"], row["size"], row["files"], from_rfc3339(row["created_at"]), from_rfc3339(row["last_used_at"])
    )
