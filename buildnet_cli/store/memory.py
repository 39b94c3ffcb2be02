"""The router's memory as rows: implements `routing/memory.Memory` on one state of the database, and writes down what is decided.

There is no copy of it in the process, so nothing has to be rebuilt after a crash or undone after a write that failed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cached_property

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.model import Delivery
from buildnet_cli.events.catalog import Turn
from buildnet_cli.events.incident import Incident, IncidentKey, advance, key_of, turn_of
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing import dedup
from buildnet_cli.routing.decision import Action, Decision, Lane, Slot, Stage, Target
from buildnet_cli.routing.memory import Batch, Mute, Told, Waiting
from buildnet_cli.routing.rules import Rules
from buildnet_cli.store import mutes

_BY_RANK = {priority.rank: priority for priority in Priority}

_FORGOTTEN = "('dead', 'expired', 'cancelled')"
_HELD = "status = 'held' AND folded_into IS NULL"

_OWED = f"""
SELECT channel, recipient, max(rank) FROM owed JOIN deliveries ON deliveries.id = delivery_id
WHERE family = ? AND owed.subject = ? AND status NOT IN {_FORGOTTEN} GROUP BY channel, recipient
"""  # noqa: S608  (put together from our own text)

_TOLD = f"""
SELECT told.type, told.priority, told.at, told.incident, told.folded FROM told JOIN deliveries ON deliveries.id = delivery_id
WHERE told.channel = ? AND told.recipient = ? AND identity = ? AND status NOT IN {_FORGOTTEN}
"""  # noqa: S608  (put together from our own text)

# Each maximum is the end of an index; both at once would walk through everything that is held.
_OF_SUBJECT = f"channel = :channel AND recipient = :recipient AND subject = :subject AND {_HELD}"
_WAITING = f"""
SELECT (SELECT next_attempt_at FROM deliveries INDEXED BY deliveries_held WHERE {_OF_SUBJECT}
        ORDER BY next_attempt_at DESC LIMIT 1),
    (SELECT rank FROM deliveries INDEXED BY deliveries_held_rank WHERE {_OF_SUBJECT} ORDER BY rank DESC LIMIT 1)
"""  # noqa: S608  (put together from our own text)

_HELD_BY = f"""FROM deliveries INDEXED BY deliveries_held_by WHERE channel = ? AND recipient = ? AND hold = ? AND {_HELD}"""

# Every target that something is held for once, by jumping from one to the next in the index.
_FIRST_HELD = f"FROM deliveries INDEXED BY deliveries_held_by WHERE {_HELD}"
_NEXT_HELD = f"{_FIRST_HELD} AND (channel, recipient) > (t.channel, t.recipient) ORDER BY channel, recipient LIMIT 1"
_HELD_FOR = f"""
WITH RECURSIVE targets (channel, recipient) AS (
    SELECT * FROM (SELECT channel, recipient {_FIRST_HELD} ORDER BY channel, recipient LIMIT 1)
    UNION ALL
    SELECT (SELECT channel {_NEXT_HELD}), (SELECT recipient {_NEXT_HELD}) FROM targets t WHERE t.channel IS NOT NULL
)
SELECT channel, recipient FROM targets WHERE channel IS NOT NULL
"""  # noqa: S608  (put together from our own text)

_OF_BUDGET = "FROM slots WHERE channel = :channel AND recipient = :recipient AND lane = :lane"
_NEWEST = f"SELECT coalesce(max(n), 0) {_OF_BUDGET}"
_NTH = f"SELECT at {_OF_BUDGET} AND n = :n"

_USED = """
SELECT count(*) FROM slots WHERE channel = :channel AND recipient = :recipient AND lane = :lane AND at > :since
AND n > (SELECT max(n) FROM slots WHERE channel = :channel AND recipient = :recipient AND lane = :lane) - :among
"""

_PUT_SLOT = """
INSERT INTO slots SELECT :channel, :recipient, :lane, coalesce(max(n), 0) + 1, :at FROM slots
WHERE channel = :channel AND recipient = :recipient AND lane = :lane
"""

_PUT_TOLD = "INSERT OR REPLACE INTO told VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"
_FOLD = "UPDATE told SET folded = folded + 1 WHERE channel = ? AND recipient = ? AND identity = ?"

_PUT_INCIDENT = """
INSERT INTO incidents VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (family, subject) DO UPDATE SET last_type = excluded.last_type, count = excluded.count
"""


class StoredMemory:
    """What the rows say, asked once each: one is made for every event. db: inside a transaction or a snapshot."""

    def __init__(self, db: sqlite_utils.Database) -> None:
        self._db = db
        self._newest: dict[Slot, int] = {}
        self._mutes: list[Mute] | None = None

    def mutes(self, now: datetime) -> Sequence[Mute]:
        if self._mutes is None:
            self._mutes = mutes.active(self._db, now)
        return self._mutes

    def incident(self, key: IncidentKey) -> Incident | None:
        sql = "SELECT opened_by, opened_at, last_type, count FROM incidents WHERE family = ? AND subject = ?"
        row = self._db.execute(sql, [key.family, key.subject]).fetchone()
        return Incident(key, row[0], from_rfc3339(row[1]), row[2], row[3]) if row is not None else None

    def owed(self, key: IncidentKey) -> Mapping[Target, Priority]:
        rows = self._db.execute(_OWED, [key.family, key.subject]).fetchall()
        return {Target(channel, recipient): _BY_RANK[rank] for channel, recipient, rank in rows}

    def told(self, target: Target, identity: str) -> Told | None:
        row = self._db.execute(_TOLD, [target.channel, target.recipient, identity]).fetchone()
        return Told(row[0], Priority(row[1]), from_rfc3339(row[2]), row[3], row[4]) if row is not None else None

    def waiting(self, target: Target, subject: str) -> Waiting | None:
        if target not in self._held_for:
            return None
        values = {"channel": target.channel, "recipient": target.recipient, "subject": subject}
        due, rank = self._db.execute(_WAITING, values).fetchone()
        return Waiting(from_rfc3339(due), _BY_RANK[rank]) if due is not None else None

    def batch(self, target: Target, priority: Priority, now: datetime) -> Batch | None:
        sql = f"SELECT min(next_attempt_at), count(*) {_HELD_BY} AND rank = ? AND next_attempt_at > ?"
        values = [target.channel, target.recipient, Stage.BATCH.value, priority.rank, to_rfc3339(now)]
        due, count = self._db.execute(sql, values).fetchone()
        return Batch(from_rfc3339(due), count) if due is not None else None

    def overflow(self, target: Target) -> datetime | None:
        if target not in self._held_for:
            return None
        sql = f"SELECT max(next_attempt_at) {_HELD_BY}"
        (due,) = self._db.execute(sql, [target.channel, target.recipient, Stage.RATE_LIMIT.value]).fetchone()
        return from_rfc3339(due) if due is not None else None

    def slot(self, whose: Target, lane: Lane, nth: int) -> datetime | None:
        names = _names(Slot(whose, lane))
        newest = self._newest.get(Slot(whose, lane))
        if newest is None:
            newest = self._newest[Slot(whose, lane)] = self._db.execute(_NEWEST, names).fetchone()[0]
        if newest < nth:
            return None
        row = self._db.execute(_NTH, {**names, "n": newest - nth + 1}).fetchone()
        return from_rfc3339(row[0]) if row is not None else None

    def used(self, whose: Target, lane: Lane, among: int, since: datetime) -> int:
        values = {**_names(Slot(whose, lane)), "among": among, "since": to_rfc3339(since)}
        count: int = self._db.execute(_USED, values).fetchone()[0]
        return count

    @cached_property
    def _held_for(self) -> frozenset[Target]:
        """Whom anything is held for; mostly nobody."""
        return frozenset(Target(*row) for row in self._db.execute(_HELD_FOR).fetchall())


def remember(
    db: sqlite_utils.Database,
    event: Event,
    decided: Sequence[tuple[Decision, Delivery]],
    memory: StoredMemory,
    rules: Rules,
    now: datetime,
) -> None:
    """Write down what was decided about an event. Its deliveries have been stored."""
    told = [each for each in decided if each[0].action is not Action.SUPPRESS]
    if decided:
        _remember_told(db, event, decided, told, memory, rules, now)
    _remember_incident(db, event, told, memory, rules)


def _remember_told(
    db: sqlite_utils.Database,
    event: Event,
    decided: Sequence[tuple[Decision, Delivery]],
    told: Sequence[tuple[Decision, Delivery]],
    memory: StoredMemory,
    rules: Rules,
    now: datetime,
) -> None:
    identity, incident = dedup.identity(event, rules.pairing), dedup.incident_of(event, memory, rules.pairing)
    repeats = [decision.target for decision, _ in decided if decision.action is Action.SUPPRESS and decision.stage == Stage.DEDUP]
    news = (event.type, event.priority.value, to_rfc3339(now), incident, 0)
    db.conn.executemany(_FOLD, [(target.channel, target.recipient, identity) for target in repeats])
    db.conn.executemany(_PUT_TOLD, [(each.target.channel, each.target.recipient, identity, each.id, *news) for _, each in told])
    take_slots(db, [slot for decision, _ in told for slot in decision.slots], now)


def remember_release(db: sqlite_utils.Database, delivery_ids: Sequence[str], now: datetime) -> None:
    """What was held goes out now: windows run from here."""
    moment = to_rfc3339(now)
    db.conn.executemany("UPDATE told SET at = ? WHERE delivery_id = ?", [(moment, each) for each in delivery_ids])


def take_slots(db: sqlite_utils.Database, slots: Sequence[Slot], now: datetime) -> None:
    """A message goes out and counts in these budgets."""
    moment = to_rfc3339(now)
    db.conn.executemany(_PUT_SLOT, [{**_names(slot), "at": moment} for slot in slots])


def forget(db: sqlite_utils.Database, before: datetime) -> None:
    """Drop what no decision hangs on any more. before: a time longer ago than any window."""
    moment = to_rfc3339(before)
    db.execute("DELETE FROM told WHERE at < ?", [moment])
    db.execute("DELETE FROM mutes WHERE until < ?", [moment])
    db.execute("DELETE FROM slots WHERE at < ?", [to_rfc3339(max(before, before + _LONGEST_WINDOW - _LONGEST_BUDGET))])


_LONGEST_WINDOW = timedelta(days=8)
_LONGEST_BUDGET = timedelta(hours=2)


def _remember_incident(
    db: sqlite_utils.Database,
    event: Event,
    told: Sequence[tuple[Decision, Delivery]],
    memory: StoredMemory,
    rules: Rules,
) -> None:
    key, turn = key_of(event, rules.pairing), turn_of(event, rules.pairing)
    if key is None or turn is None:
        return
    if turn is Turn.CLOSES:
        for table in ("incidents", "owed"):
            db.execute(f"DELETE FROM {table} WHERE family = ? AND subject = ?", [key.family, key.subject])  # noqa: S608  (our own text)
        return
    known = memory.incident(key)
    after, _ = advance({key: known} if known is not None else {}, event, rules.pairing)
    now_open = after[key]
    opened_at = to_rfc3339(now_open.opened_at)
    row = [key.family, key.subject, now_open.opened_by, opened_at, now_open.last_type, now_open.count]
    db.execute(_PUT_INCIDENT, row)
    db.conn.executemany("INSERT INTO owed VALUES (?, ?, ?)", [(key.family, key.subject, each.id) for _, each in told])


def _names(slot: Slot) -> dict[str, str]:
    return {"channel": slot.whose.channel, "recipient": slot.whose.recipient, "lane": slot.lane.value}
