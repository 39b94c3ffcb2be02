"""The outbox on disk: implements the protocol of `delivery/outbox`.

A *line* is the pending deliveries of one target and one subject, oldest first. Only the first of a line has the *turn*;
that is kept up whenever a line changes, so that finding what may go next never walks past what may not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import sqlite_utils

from buildnet_cli.clock import Clock, from_rfc3339, to_rfc3339
from buildnet_cli.delivery.alarm import Told
from buildnet_cli.delivery.backoff import LONGEST_DELAY
from buildnet_cli.delivery.breaker import Breaker
from buildnet_cli.delivery.model import Attempt, Delivery, Effort, FirstTold, Leased
from buildnet_cli.delivery.outbox import Acceptance, Write
from buildnet_cli.errors import Outcome
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import breakers as breaker_rows
from buildnet_cli.store import clock_step, deliveries, events, redrive
from buildnet_cli.store.database import Store
from buildnet_cli.store.page import Row

_INSERT = """
INSERT INTO deliveries (id, event_id, channel, recipient, subject, rank, status, reason, reasons, attempts,
                        created_at, next_attempt_at, finished_at, answer, hold, repeats, incident, has_turn)
VALUES (:id, :event_id, :channel, :recipient, :subject, :rank, :status, :reason, :reasons, :attempts,
        :created_at, :next_attempt_at, :finished_at, :answer, :hold, :repeats, :incident,
        :status = 'pending' AND NOT EXISTS (SELECT 1 FROM deliveries WHERE status = 'pending'
            AND channel = :channel AND recipient = :recipient AND subject = :subject))
"""

_FOLLOWERS = """
SELECT * FROM deliveries
WHERE channel = ? AND recipient = ? AND subject = ? AND status = 'pending' AND has_turn = 0 AND lease IS NULL
ORDER BY seq LIMIT ?
"""

# Every target that something may go to once, by jumping from one to the next in the index.
_FIRST_READY = """FROM deliveries INDEXED BY deliveries_ready WHERE status = 'pending' AND has_turn = 1 AND lease IS NULL"""
_NEXT_READY = f"{_FIRST_READY} AND (channel, recipient) > (t.channel, t.recipient) ORDER BY channel, recipient LIMIT 1"
_TARGETS = f"""
WITH RECURSIVE targets (channel, recipient) AS (
    SELECT * FROM (SELECT channel, recipient {_FIRST_READY} ORDER BY channel, recipient LIMIT 1)
    UNION ALL
    SELECT (SELECT channel {_NEXT_READY}), (SELECT recipient {_NEXT_READY}) FROM targets t WHERE t.channel IS NOT NULL
)
SELECT channel, recipient FROM targets WHERE channel IS NOT NULL
"""  # noqa: S608  (put together from our own text)

# One rank at a time, so that the index gives the due ones in order.
_READY = """
SELECT * FROM deliveries WHERE channel = ? AND recipient = ? AND rank = ? AND next_attempt_at <= ?
    AND status = 'pending' AND has_turn = 1 AND lease IS NULL
ORDER BY next_attempt_at, seq LIMIT ?
"""

_FIRST_TOLD = """
SELECT ref, event_id FROM deliveries WHERE incident = ? AND channel = ? AND recipient = ? AND ref <> '' ORDER BY seq LIMIT 1
"""

_VOID = """
INSERT INTO attempts (delivery_id, n, started_at, outcome, answer)
SELECT id, attempts, lease, 'interrupted', 'the agent ended before it knew' FROM deliveries WHERE lease IS NOT NULL
"""

# What was not tried yet is due at once; what was, within the longest delay.
_CLAMP = """
UPDATE deliveries SET next_attempt_at = ?
WHERE status = 'pending' AND next_attempt_at > CASE WHEN attempts = anew_after THEN ? ELSE ? END
"""

_RANKS = (3, 2, 1, 0)
_DEFAULT_ROOM = 1


class StoredOutbox:
    """Deliveries in the database."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def accept(self, acceptances: Sequence[Acceptance], along_with: Sequence[Write] = ()) -> list[Acceptance]:
        accepted_at = self._clock.now()
        return await self._store.write(lambda db: accept(db, acceptances, accepted_at, along_with))

    async def void_leases(self) -> int:
        now = self._clock.now()

        def void(db: sqlite_utils.Database) -> int:
            latest = to_rfc3339(now + LONGEST_DELAY)
            db.execute(_CLAMP, [to_rfc3339(now), to_rfc3339(now), latest])
            clock_step.mind(db, clock_step.since_last_event(db, now))
            return _void_leases(db)

        return await self._store.write(void)

    async def mind_clock_step(self, by: timedelta) -> None:
        await self._store.write(lambda db: clock_step.mind(db, by))

    async def lease(self, now: datetime, limit: int, room: Mapping[Target, int] | None = None) -> list[Leased]:
        return await self._store.write(lambda db: _lease(db, now, limit, room or {}))

    async def finish(
        self, attempts: Sequence[Attempt], released: Sequence[str] = (), breakers: Mapping[Target, Breaker] | None = None
    ) -> None:
        now = self._clock.now()

        def finish(db: sqlite_utils.Database) -> None:
            _finish(db, attempts, released)
            breaker_rows.save(db, breakers or {}, now)

        await self._store.write(finish)

    async def breakers(self) -> dict[Target, Breaker]:
        return await self._store.read(breaker_rows.load)

    async def told(self) -> dict[str, Told]:
        return await self._store.read(breaker_rows.told)

    async def waiting(self, target: Target) -> int:
        return await self._store.read(lambda db: breaker_rows.waiting(db, target))

    def telling(self, subject: str, news: Told) -> Write:
        return lambda db: breaker_rows.note_told(db, subject, news)

    async def retry(self, delivery_id: str) -> Delivery:
        return await self._store.write(lambda db: redrive.retry(db, delivery_id, self._clock.now()))

    async def retry_failed(self, channel: str | None) -> list[Delivery]:
        return await self._store.write(lambda db: redrive.retry_failed(db, channel, self._clock.now()))

    async def cancel(self, delivery_id: str) -> Delivery:
        return await self._store.write(lambda db: redrive.cancel(db, delivery_id, self._clock.now()))

    async def next_due(self, after: datetime | None = None) -> datetime | None:
        def earliest(db: sqlite_utils.Database) -> str | None:
            sql = (
                "SELECT min(next_attempt_at) FROM deliveries WHERE status = 'pending' AND has_turn = 1 AND lease IS NULL"
                " AND next_attempt_at > ?"
            )
            due: str | None = db.execute(sql, [to_rfc3339(after) if after is not None else ""]).fetchone()[0]
            return due

        # Through the writer: it then comes after every acceptance before it, which a reader's snapshot might miss.
        due = await self._store.write(earliest)
        return from_rfc3339(due) if due is not None else None


def accept(
    db: sqlite_utils.Database, acceptances: Sequence[Acceptance], accepted_at: datetime, along_with: Sequence[Write] = ()
) -> list[Acceptance]:
    """`Outbox.accept` inside a transaction that is open already; for verbs that write while no agent lives."""
    stored = [_accept_one(db, acceptance, accepted_at) for acceptance in acceptances]
    for write in along_with:
        write(db)
    return stored


def _accept_one(db: sqlite_utils.Database, acceptance: Acceptance, accepted_at: datetime) -> Acceptance:
    event, key = acceptance.event, acceptance.key
    if not events.insert(db, event, accepted_at=accepted_at, unheard=acceptance.unheard, key=key):
        twin = events.find_twin(db, event, key)
        return Acceptance(twin, deliveries.of_event(db, twin.id), events.why_unheard(db, twin.id), key)
    if acceptance.deliveries:
        insert(db, [deliveries.to_row(each, subject=event.subject, rank=event.priority.rank) for each in acceptance.deliveries])
    return acceptance


def insert(db: sqlite_utils.Database, rows: Sequence[Row]) -> None:
    """Accept new deliveries, and count them."""
    db.conn.executemany(_INSERT, rows)
    db.execute("UPDATE ledger SET amount = amount + ? WHERE entry = 'accepted'", [len(rows)])


def _void_leases(db: sqlite_utils.Database) -> int:
    db.execute(_VOID)
    return int(db.execute("UPDATE deliveries SET lease = NULL WHERE lease IS NOT NULL").rowcount)


def _lease(db: sqlite_utils.Database, now: datetime, limit: int, room: Mapping[Target, int]) -> list[Leased]:
    moment = to_rfc3339(now)
    taken: list[Row] = []
    for target in [Target(*row) for row in db.execute(_TARGETS).fetchall()]:
        taken += _next_of(db, target, moment, room.get(target, _DEFAULT_ROOM))
    chosen = sorted(taken, key=lambda row: (-row["urgency"], row["seq"]))[:limit]
    taken_rows = [(moment, row["seq"]) for row in chosen]
    db.conn.executemany("UPDATE deliveries SET lease = ?, attempts = attempts + 1 WHERE seq = ?", taken_rows)
    told_of = {event_id: events.get(db, event_id) for event_id in {row["event_id"] for row in chosen}}
    return [
        Leased(
            deliveries.from_row({**row, "attempts": row["attempts"] + 1}),
            told_of[row["event_id"]],
            _effort(db, row),
            _first_told(db, row),
        )
        for row in chosen
    ]


def _first_told(db: sqlite_utils.Database, row: Row) -> FirstTold | None:
    if not row["incident"]:
        return None
    found = db.execute(_FIRST_TOLD, [row["incident"], row["channel"], row["recipient"]]).fetchone()
    return FirstTold(found[0], events.get(db, found[1])) if found is not None else None


def _effort(db: sqlite_utils.Database, row: Row) -> Effort:
    earlier: dict[Outcome, int] = {}
    if row["attempts"] > row["anew_after"]:
        sql = "SELECT outcome, count(*) FROM attempts WHERE delivery_id = ? AND n > ? GROUP BY outcome"
        for outcome, count in db.execute(sql, [row["id"], row["anew_after"]]).fetchall():
            earlier[Outcome(outcome)] = count
    return Effort(from_rfc3339(row["anew_at"] or row["created_at"]), earlier)


def _next_of(db: sqlite_utils.Database, target: Target, moment: str, room: int) -> list[Row]:
    """Up to `room` deliveries to one target: those that have the turn, then those that come after them in their lines."""
    address = (target.channel, target.recipient)
    heads: list[Row] = []
    for rank in _RANKS:
        if len(heads) < room:
            heads += db.query(_READY, [*address, rank, moment, room - len(heads)])
    taken = [{**head, "urgency": head["rank"]} for head in heads]
    for head in heads:
        urgency = head["rank"]
        for row in db.query(_FOLLOWERS, [*address, head["subject"], room - len(heads)]):
            urgency = min(urgency, row["rank"])  # no more urgent than what it has to wait for
            taken.append({**row, "urgency": urgency})
    return sorted(taken, key=lambda row: (-row["urgency"], row["seq"]))[:room]


def _finish(db: sqlite_utils.Database, attempts: Sequence[Attempt], released: Sequence[str]) -> None:
    for delivery_id in released:
        db.execute(
            "UPDATE deliveries SET lease = NULL, attempts = attempts - 1 WHERE id = ? AND lease IS NOT NULL", [delivery_id]
        )
    for attempt in attempts:
        _record(db, attempt)
    deliveries.advance_lines(db, (attempt.delivery_id for attempt in attempts if attempt.status.is_final))


def _record(db: sqlite_utils.Database, attempt: Attempt) -> None:
    db.execute(
        "INSERT OR REPLACE INTO attempts (delivery_id, n, started_at, finished_at, outcome, answer)"
        " SELECT id, attempts, ?, ?, ?, ? FROM deliveries WHERE id = ?",
        [
            to_rfc3339(attempt.started_at),
            to_rfc3339(attempt.finished_at),
            (attempt.outcome or attempt.status).value,
            attempt.answer,
            attempt.delivery_id,
        ],
    )
    db.execute("UPDATE deliveries SET lease = NULL WHERE id = ?", [attempt.delivery_id])
    # What a person cancelled meanwhile stays so, unless it has arrived: then that is what happened.
    db.execute(
        "UPDATE deliveries SET status = ?, reason = ?, answer = ?, ref = ?, next_attempt_at = ?, finished_at = ?,"
        " has_turn = has_turn AND ? WHERE id = ? AND (status = 'pending' OR (status = 'cancelled' AND ? = 'delivered'))",
        [
            attempt.status.value,
            attempt.reason,
            attempt.answer,
            attempt.ref,
            to_rfc3339(attempt.next_attempt_at) if attempt.next_attempt_at is not None else None,
            to_rfc3339(attempt.finished_at) if attempt.status.is_final else None,
            not attempt.status.is_final,
            attempt.delivery_id,
            attempt.status.value,
        ],
    )
