"""The outbox on disk: implements the protocol of `delivery/outbox`.

A *line* is the pending deliveries of one target and one subject, oldest first. Only the first of a line has the *turn*;
that is kept up whenever a line changes, so that finding what may go next never walks past what may not.
"""

from __future__ import annotations

import functools
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
from buildnet_cli.routing.rate_limit import Limits
from buildnet_cli.store import breakers as breaker_rows
from buildnet_cli.store import clock_step, deliveries, events, redrive, unreadable
from buildnet_cli.store.database import Store
from buildnet_cli.store.rows import Row, rows

_INSERT = """
INSERT INTO deliveries (id, event_id, channel, recipient, subject, rank, status, reason, reasons, attempts,
                        created_at, next_attempt_at, finished_at, answer, hold, repeats, incident,
                        address, answers, has_turn)
VALUES (:id, :event_id, :channel, :recipient, :subject, :rank, :status, :reason, :reasons, :attempts,
        :created_at, :next_attempt_at, :finished_at, :answer, :hold, :repeats, :incident, :address, :answers,
        :status = 'pending' AND NOT EXISTS (SELECT 1 FROM deliveries WHERE status = 'pending'
            AND channel = :channel AND recipient = :recipient AND subject = :subject))
"""

_FOLLOWERS = """
SELECT * FROM deliveries
WHERE channel = :channel AND recipient = :recipient AND subject = :subject
    AND status = 'pending' AND has_turn = 0 AND lease IS NULL
ORDER BY seq LIMIT :room
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

# One rank after the other, so that the index gives the due ones in order; the query ends with the last one that has room.
_READY_OF_RANK = """
SELECT * FROM (SELECT *, EXISTS (SELECT 1 FROM deliveries AS next WHERE next.channel = d.channel AND next.recipient = d.recipient
        AND next.subject = d.subject AND next.seq > d.seq AND next.status = 'pending') AS is_followed
    FROM deliveries AS d WHERE channel = :channel AND recipient = :recipient AND rank = {rank} AND next_attempt_at <= :now
        AND status = 'pending' AND has_turn = 1 AND lease IS NULL
    ORDER BY next_attempt_at, seq LIMIT :room)
"""
_READY = f"{' UNION ALL '.join(_READY_OF_RANK.format(rank=rank) for rank in (3, 2, 1, 0))} LIMIT :room"

_RELEASE = "UPDATE deliveries SET lease = NULL, attempts = attempts - 1 WHERE id = ? AND lease IS NOT NULL"

_PUT_ATTEMPT = """
INSERT OR REPLACE INTO attempts (delivery_id, n, started_at, finished_at, outcome, answer)
SELECT id, attempts, :started_at, :finished_at, :outcome, :answer FROM deliveries WHERE id = :id
"""

# What a person cancelled meanwhile stays so, unless it has arrived: then that is what happened.
_SETTLE = """
UPDATE deliveries SET lease = NULL, status = :status, reason = :reason, answer = :answer, ref = :ref,
    next_attempt_at = :next_attempt_at, finished_at = CASE WHEN :is_final THEN :finished_at END,
    has_turn = has_turn AND NOT :is_final
WHERE id = :id AND (status = 'pending' OR (status = 'cancelled' AND :status = 'delivered'))
RETURNING channel, recipient, subject
"""

_LET_GO = "UPDATE deliveries SET lease = NULL WHERE id = :id RETURNING channel, recipient, subject"

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
    ) -> bool:
        now = self._clock.now()

        def finish(db: sqlite_utils.Database) -> bool:
            has_moved_on = _finish(db, attempts, released)
            breaker_rows.save(db, breakers or {}, now)
            return has_moved_on or bool(released or breakers) or not all(attempt.status.is_final for attempt in attempts)

        return await self._store.write(finish)

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

    async def retry_failed(self, channel: str | None, limits: Limits) -> list[Delivery]:
        return await self._store.write(lambda db: redrive.retry_failed(db, channel, limits, self._clock.now()))

    async def cancel(self, delivery_id: str) -> Delivery:
        return await self._store.write(lambda db: redrive.cancel(db, delivery_id, self._clock.now()))

    async def next_due(self, after: datetime | None = None) -> datetime | None:
        def earliest(db: sqlite_utils.Database) -> datetime | None:
            sql = (
                "SELECT min(next_attempt_at) FROM deliveries WHERE status = 'pending' AND has_turn = 1 AND lease IS NULL"
                " AND next_attempt_at > ?"
            )
            (due,) = db.execute(sql, [to_rfc3339(after) if after is not None else ""]).fetchone()
            return unreadable.moment(db, due, self._clock.now())

        # Through the writer: it then comes after every acceptance before it, which a reader's snapshot might miss.
        return await self._store.write(earliest)


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
    event_of = functools.cache(functools.partial(events.get, db))  # one event may go to many

    def leased(row: Row) -> tuple[int, Leased]:
        # To send it, nobody needs to know why.
        delivery = deliveries.from_row({**row, "attempts": row["attempts"] + 1, "reasons": "[]"})
        return row["seq"], Leased(delivery, event_of(row["event_id"]), _effort(db, row), _first_told(db, row))

    held = unreadable.readable(db, chosen, leased, now)
    taken_rows = [(moment, seq) for seq, _ in held]
    db.conn.executemany("UPDATE deliveries SET lease = ?, attempts = attempts + 1 WHERE seq = ?", taken_rows)
    return [each for _, each in held]


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
    address = {"channel": target.channel, "recipient": target.recipient}
    heads = list(rows(db, _READY, {**address, "now": moment, "room": room}))
    taken = [{**head, "urgency": head["rank"]} for head in heads]
    for head in heads:
        if not head["is_followed"] or len(heads) == room:
            continue
        urgency = head["rank"]
        for row in rows(db, _FOLLOWERS, {**address, "subject": head["subject"], "room": room - len(heads)}):
            urgency = min(urgency, row["rank"])  # no more urgent than what it has to wait for
            taken.append({**row, "urgency": urgency})
    return sorted(taken, key=lambda row: (-row["urgency"], row["seq"]))[:room]


def _finish(db: sqlite_utils.Database, attempts: Sequence[Attempt], released: Sequence[str]) -> bool:
    """Whether a line has moved on."""
    db.conn.executemany(_RELEASE, [(delivery_id,) for delivery_id in released])
    ended = {line for attempt in attempts if (line := _record(db, attempt)) is not None}
    return db.conn.executemany(deliveries.ADVANCE, list(ended)).rowcount > 0


def _record(db: sqlite_utils.Database, attempt: Attempt) -> tuple[str, str, str] | None:
    """Store an attempt and what it means; the line that may go on, if its delivery has come to its end."""
    values = {
        "id": attempt.delivery_id,
        "started_at": to_rfc3339(attempt.started_at),
        "finished_at": to_rfc3339(attempt.finished_at),
        "outcome": (attempt.outcome or attempt.status).value,
        "answer": attempt.answer,
        "ref": attempt.ref,
        "status": attempt.status.value,
        "reason": attempt.reason,
        "next_attempt_at": to_rfc3339(attempt.next_attempt_at) if attempt.next_attempt_at is not None else None,
        "is_final": attempt.status.is_final,
    }
    db.conn.execute(_PUT_ATTEMPT, values)
    line: tuple[str, str, str] | None = db.conn.execute(_SETTLE, values).fetchone()
    if line is None:
        line = db.conn.execute(_LET_GO, values).fetchone()
    return line if attempt.status.is_final else None
