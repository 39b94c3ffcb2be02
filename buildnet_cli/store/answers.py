"""Messages to whoever asked: through the outbox, past all routing; and again when the build that they asked for has ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import sqlite_utils

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.model import Address, Delivery, DeliveryStatus
from buildnet_cli.events.model import Event
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.messages import reply
from buildnet_cli.routing.decision import Reason, Target
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.database import Store
from buildnet_cli.store.outbox import insert
from buildnet_cli.store.rows import Row, rows

_ENDED = frozenset({"build.completed", "build.cached", "build.failed", "build.cancelled"})

# A build of one package is over when it is; a run of several when none of them is left.
_DUE = """
SELECT * FROM awaited WHERE NOT EXISTS (
    SELECT 1 FROM builds WHERE builds.run_id = awaited.run_id AND status IN ('queued', 'running')
        AND (awaited.build_id = '' OR builds.id = awaited.build_id))
"""
_NEWS_OF = """
SELECT * FROM events WHERE type IN ('build.completed', 'build.cached', 'build.failed', 'build.cancelled')
    AND subject = (SELECT package FROM builds WHERE id = :build) AND json_extract(payload, '$.id') = :build
ORDER BY seq DESC LIMIT 1
"""


class StoredAnswers:
    """Implements `commands/model.Answers`. wake: called when there may be something to send."""

    def __init__(self, store: Store, clock: Clock, wake: Callable[[], None]) -> None:
        self._store = store
        self._clock = clock
        self._wake = wake

    async def expect(self, request_id: str, run_id: str, build_id: str, to: Address) -> None:
        """Answer again when a build has ended, or a whole run if build_id is empty; at once if it has already."""

        def expect(db: sqlite_utils.Database) -> None:
            values = [request_id, run_id, build_id, to.channel, to.to, to.thread]
            db.execute("INSERT INTO awaited VALUES (?, ?, ?, ?, ?, ?)", values)
            settle(db, self._clock.now())

        await self._store.write(expect)
        self._wake()

    async def send(self, to: Address, text: str, request_id: str) -> None:
        """Send a text to an address; it is on its way, whatever happens, when this returns."""

        def send(db: sqlite_utils.Database) -> None:
            now = self._clock.now()
            _tell(db, _reply_event(text, {"request_id": request_id}, now), to, now)

        await self._store.write(send)
        self._wake()


def settle(db: sqlite_utils.Database, now: datetime) -> None:
    """Tell everybody whose builds have ended since they asked. Cheap while nobody waits."""
    for row in list(rows(db, _DUE)):
        to = Address(row["channel"], row["address"], row["answers"])
        event = _news_of(db, row["build_id"]) if row["build_id"] else _account(db, row, now)
        if event is not None:
            _tell(db, event, to, now)
        db.execute("DELETE FROM awaited WHERE request_id = ?", [row["request_id"]])


def settles(accepted: Sequence[Event]) -> bool:
    """Whether any of these events may be what somebody waits for."""
    return any(event.type in _ENDED for event in accepted)


def asked_for(db: sqlite_utils.Database, event: Event) -> list[tuple[str, str]]:
    """The channels and addresses that are told of this event in an answer, because they asked for the build."""
    if event.type not in _ENDED:
        return []
    sql = "SELECT channel, address FROM awaited WHERE build_id = ?"
    return [(channel, address) for channel, address in db.conn.execute(sql, [event.payload.get("id")])]


def _news_of(db: sqlite_utils.Database, build_id: str) -> Event | None:
    row = next(rows(db, _NEWS_OF, {"build": build_id}), None)
    return events.from_row(row) if row is not None else None


def _account(db: sqlite_utils.Database, awaited: Row, now: datetime) -> Event:
    """What became of a run of several packages."""
    sql = "SELECT package, status FROM builds WHERE run_id = ? ORDER BY seq"
    ended: list[tuple[str, str]] = db.execute(sql, [awaited["run_id"]]).fetchall()
    return _reply_event(reply.account_of(ended), {"run_id": awaited["run_id"], "request_id": awaited["request_id"]}, now)


def _reply_event(text: str, payload: dict[str, Any], now: datetime) -> Event:
    return Event(new_id("evt"), reply.TYPE, Priority.HIGH, text, "", "agent", now, payload)


def _tell(db: sqlite_utils.Database, event: Event, to: Address, now: datetime) -> None:
    if event.type == reply.TYPE:
        events.insert(db, event, accepted_at=now, unheard="", key="")
    reason = Reason("answer", "it answers whoever asked")
    delivery = Delivery(
        new_id("dlv"),
        event.id,
        Target(to.channel, to.to),
        DeliveryStatus.PENDING,
        reason.text,
        now,
        next_attempt_at=now,
        reasons=(reason,),
        address=to,
    )
    insert(db, [deliveries.to_row(delivery, subject=event.subject, rank=Priority.HIGH.rank)])
