"""Where events come in and what was held is let go: decided and stored in one transaction. Implements `delivery/intake`."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlite_utils

from buildnet_cli.clock import Clock, to_rfc3339
from buildnet_cli.delivery.intake import Incoming
from buildnet_cli.delivery.outbox import Acceptance, Write
from buildnet_cli.delivery.router import Held, Release, Router
from buildnet_cli.events.model import Event
from buildnet_cli.routing.decision import Action, Decision, Stage, Target
from buildnet_cli.routing.pipeline import NO_RECIPIENT
from buildnet_cli.store import answers, backlog, deliveries, events, unreadable
from buildnet_cli.store.database import Store
from buildnet_cli.store.memory import StoredMemory, forget, remember, remember_release, take_slots
from buildnet_cli.store.outbox import insert
from buildnet_cli.store.rows import rows

_HELD = "status = 'held' AND folded_into IS NULL"
_DUE_TARGETS = f"SELECT DISTINCT channel, recipient FROM deliveries WHERE {_HELD} AND next_attempt_at <= ?"  # noqa: S608  (our own text)

# A batch that is full falls due with its last event, and takes along those before it.
_DUE = f"""
SELECT * FROM deliveries AS d WHERE {_HELD} AND channel = :channel AND recipient = :recipient AND (
    next_attempt_at <= :now OR hold = '{Stage.BATCH}' AND seq <= (
        SELECT max(seq) FROM deliveries WHERE {_HELD} AND channel = :channel AND recipient = :recipient
            AND hold = '{Stage.BATCH}' AND rank = d.rank AND next_attempt_at <= :now))
ORDER BY seq LIMIT :limit
"""  # noqa: S608  (put together from our own text)

_SEND = """
UPDATE deliveries SET status = 'pending', hold = '', next_attempt_at = ?, reason = ?, reasons = ?,
    has_turn = NOT EXISTS (SELECT 1 FROM deliveries AS other WHERE other.status = 'pending' AND other.channel = deliveries.channel
        AND other.recipient = deliveries.recipient AND other.subject = deliveries.subject)
WHERE id = ?
"""

_MOST_AT_ONCE = 5000

# So few that an event and its deliveries lie near each other in the file: a damage takes both or neither.
_TOGETHER = 25


@dataclass(frozen=True, slots=True, eq=False)
class _Call:
    """What one caller hands in."""

    incoming: Sequence[Incoming]
    router: Router
    now: datetime
    along_with: Sequence[Write]

    def company(self) -> object:
        """The same for calls whose events may be stored together: nothing is done between the one and the other."""
        if self.along_with or answers.settles([each.event for each in self.incoming]):
            return self
        return self.router


class StoredIntake:
    """Decisions and their rows. One event after the other is decided, in the writer's thread, and many are stored together."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def accept(
        self, incoming: Sequence[Incoming], router: Router, now: datetime, along_with: Sequence[Write] = ()
    ) -> list[Acceptance]:
        return await self._store.write_jointly(_accept_calls, _Call(incoming, router, now, along_with))

    async def release(self, router: Router) -> int:
        return await self._store.write(lambda db: release(db, router, self._clock.now()))

    async def fold_backlog(self, router: Router, targets: Collection[Target]) -> int:
        def fold(db: sqlite_utils.Database) -> int:
            return sum(backlog.fold(db, router, target, self._clock.now()) for target in targets)

        return await self._store.write(fold)

    async def next_release(self) -> datetime | None:
        sql = f"SELECT min(next_attempt_at) FROM deliveries WHERE {_HELD}"  # noqa: S608  (our own text)

        def earliest(db: sqlite_utils.Database) -> datetime | None:
            return unreadable.moment(db, db.execute(sql).fetchone()[0], self._clock.now())

        return await self._store.write(earliest)

    async def forget(self, before: datetime) -> None:
        await self._store.write(lambda db: forget(db, before))


def _accept_calls(db: sqlite_utils.Database, calls: Sequence[_Call]) -> list[list[Acceptance]]:
    return [stored for _, some in itertools.groupby(calls, _Call.company) for stored in _accept_together(db, list(some))]


def _accept_together(db: sqlite_utils.Database, calls: Sequence[_Call]) -> list[list[Acceptance]]:
    now = calls[-1].now
    all_stored = accept_all(db, [each for call in calls for each in call.incoming], calls[0].router, now)
    for call in calls:
        for write in call.along_with:
            write(db)
    if answers.settles([acceptance.event for acceptance in all_stored]):
        answers.settle(db, now)
    in_order = iter(all_stored)
    return [list(itertools.islice(in_order, len(call.incoming))) for call in calls]


def accept_all(db: sqlite_utils.Database, incoming: Sequence[Incoming], router: Router, now: datetime) -> list[Acceptance]:
    """Store events with what is decided about each, one after the other, or find what was stored of them before."""
    parts = range(0, len(incoming), _TOGETHER)
    return [stored for first in parts for stored in _accept(db, incoming[first : first + _TOGETHER], router, now)]


def _accept(db: sqlite_utils.Database, incoming: Sequence[Incoming], router: Router, now: datetime) -> list[Acceptance]:
    expected = ["" if router.is_wanted(each.event) else NO_RECIPIENT for each in incoming]
    given = [(each.event, unheard, each.key) for each, unheard in zip(incoming, expected, strict=True)]
    is_new = events.insert_all(db, given, accepted_at=now)
    return [
        _decide(db, *each, router, now) if new else _find_twin(db, each[0], each[2])
        for each, new in zip(given, is_new, strict=True)
    ]


def _find_twin(db: sqlite_utils.Database, event: Event, key: str) -> Acceptance:
    twin = events.find_twin(db, event, key)
    return Acceptance(twin, deliveries.of_event(db, twin.id), events.why_unheard(db, twin.id), key)


def _decide(db: sqlite_utils.Database, event: Event, expected: str, key: str, router: Router, now: datetime) -> Acceptance:
    """expected: what the event's row says already of why nobody hears of it."""
    memory = StoredMemory(db)
    decided = router.route(event, memory, now, answers.asked_for(db, event))
    unheard = "" if decided else NO_RECIPIENT
    if unheard != expected:
        events.note_unheard(db, event.id, unheard)
    if decided:
        insert(db, [deliveries.to_row(each, subject=event.subject, rank=decision.priority.rank) for decision, each in decided])
    remember(db, event, decided, memory, router.rules, now)
    return Acceptance(event, tuple(each for _, each in decided), unheard, key)


def release(db: sqlite_utils.Database, router: Router, now: datetime) -> int:
    """Decide again about everything held that has fallen due; how many messages may be sent now."""
    sent = 0
    for target in [Target(*row) for row in db.execute(_DUE_TARGETS, [to_rfc3339(now)]).fetchall()]:
        values = {"channel": target.channel, "recipient": target.recipient, "now": to_rfc3339(now), "limit": _MOST_AT_ONCE}
        held = unreadable.as_held(db, list(rows(db, _DUE, values)), now)
        released = router.release(target, held, StoredMemory(db), now)
        _store(db, released, now)
        sent += bool(released.sent)
    return sent


def _store(db: sqlite_utils.Database, released: Release, now: datetime) -> None:
    for held, decision in released.settled:
        _settle(db, held, decision, now)
    if released.decision is None:
        return
    take_slots(db, released.decision.slots, now)
    remember_release(db, [held.delivery.id for held in released.sent], now)
    if released.digest is None:
        for held in released.sent:
            reasons = deliveries.reasons_to_text((*held.delivery.reasons, *released.decision.reasons))
            db.execute(_SEND, [to_rfc3339(now), released.decision.reasons[-1].text, reasons, held.delivery.id])
        return
    event, digest = released.digest
    events.insert(db, event, accepted_at=now, unheard="", key="")
    insert(db, [deliveries.to_row(digest, subject="", rank=released.decision.priority.rank)])
    for held in released.sent:
        reasons = deliveries.reasons_to_text((*held.delivery.reasons, *released.decision.reasons))
        sql = "UPDATE deliveries SET folded_into = ?, reason = ?, reasons = ?, next_attempt_at = NULL WHERE id = ?"
        db.execute(sql, [digest.id, f"folded into the digest {digest.id}", reasons, held.delivery.id])


def _settle(db: sqlite_utils.Database, held: Held, decision: Decision, now: datetime) -> None:
    """Held on, for another reason or a longer time, or suppressed after all."""
    reasons = deliveries.reasons_to_text((*held.delivery.reasons, *decision.reasons))
    is_held = decision.action is Action.HOLD
    db.execute(
        "UPDATE deliveries SET status = ?, hold = ?, reason = ?, reasons = ?, next_attempt_at = ?, finished_at = ? WHERE id = ?",
        [
            "held" if is_held else "suppressed",
            decision.stage if is_held else "",
            decision.reasons[-1].text,
            reasons,
            to_rfc3339(decision.until) if decision.until is not None else None,
            None if is_held else to_rfc3339(now),
            held.delivery.id,
        ],
    )
