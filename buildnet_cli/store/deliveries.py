"""Deliveries as rows, to be looked at: lists, one with its attempts, and the sum that must hold. `outbox` moves them on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.model import Address, Delivery, DeliveryStatus
from buildnet_cli.routing.decision import Reason, Target
from buildnet_cli.store.page import Filter, Page, newest_first
from buildnet_cli.store.rows import Row, rows

_ENCODER = json.JSONEncoder(separators=(",", ":"))

_LINE_OF = "SELECT channel, recipient, subject FROM deliveries WHERE id = ?"

ADVANCE: Final = """
UPDATE deliveries SET has_turn = 1 WHERE seq = (
    SELECT min(seq) FROM deliveries WHERE channel = ? AND recipient = ? AND subject = ? AND status = 'pending')
"""


@dataclass(frozen=True, slots=True)
class Conservation:
    """Accepted must equal the sum over all states, at all times.

    accepted: deliveries ever accepted, counted on acceptance. counts: how many stand in which state, counted now.
    """

    accepted: int
    counts: Mapping[DeliveryStatus, int]

    @property
    def difference(self) -> int:
        """How many deliveries are missing; 0 unless something went wrong."""
        return self.accepted - sum(self.counts.values())


def page(
    db: sqlite_utils.Database,
    *,
    status: DeliveryStatus | None = None,
    channel: str | None = None,
    recipient: str | None = None,
    event_id: str | None = None,
    is_failed: bool = False,
    before: str | None = None,
    limit: int = 50,
) -> Page[Delivery]:
    """Deliveries, newest first. Raises UsageError if `before` is no cursor.

    channel: `sms`, or `webhook:Team` for one recipient. is_failed: only what was given up.
    """
    chosen = Filter()
    chosen.add_equal("event_id", event_id)
    chosen.add_equal("status", status.value if status is not None else None)
    add_channel(chosen, channel)
    chosen.add_equal("recipient", recipient)
    if is_failed:
        add_failed(chosen)
    chosen.add_before(before)
    return newest_first(db, "deliveries", chosen, limit, from_row)


def find(db: sqlite_utils.Database, delivery_id: str) -> Delivery | None:
    """The delivery of this id."""
    row = next(rows(db, "SELECT * FROM deliveries WHERE id = ?", [delivery_id]), None)
    return from_row(row) if row is not None else None


def of_event(db: sqlite_utils.Database, event_id: str) -> tuple[Delivery, ...]:
    """All deliveries of one event, in the order of their acceptance."""
    return tuple(from_row(row) for row in rows(db, "SELECT * FROM deliveries WHERE event_id = ? ORDER BY seq", [event_id]))


def given_up(db: sqlite_utils.Database, channel: str | None = None) -> list[Row]:
    """Rows of what ended undelivered though it should not have, oldest first. A digest stands for what it tells of."""
    chosen = Filter()
    add_failed(chosen)
    chosen.add("folded_into IS NULL")
    add_channel(chosen, channel)
    sql = f"SELECT * FROM deliveries WHERE {' AND '.join(chosen.conditions)} ORDER BY seq"  # noqa: S608  (our own text)
    return list(rows(db, sql, chosen.values))


def add_failed(chosen: Filter) -> None:
    """Only what was given up."""
    chosen.add("status IN ('dead', 'expired')")


def add_channel(chosen: Filter, channel: str | None) -> None:
    """Only one channel's, or one target's if it is written as `channel:recipient`."""
    if channel is not None:
        kind, colon, recipient = channel.partition(":")
        chosen.add_equal("channel", kind)
        chosen.add_equal("recipient", recipient if colon else None)


def advance_lines(db: sqlite_utils.Database, ended: Iterable[str]) -> None:
    """These deliveries have come to their end: whoever comes next in their lines has the turn."""
    lines = {db.execute(_LINE_OF, [delivery_id]).fetchone() for delivery_id in ended}
    db.conn.executemany(ADVANCE, [line for line in lines if line is not None])


def failing_channels(db: sqlite_utils.Database) -> frozenset[str]:
    """Channels with a delivery that is still to be made and was not taken when it was last tried."""
    sql = "SELECT DISTINCT channel FROM deliveries WHERE status = 'pending' AND answer <> ''"
    return frozenset(row[0] for row in db.execute(sql))


def delivered_at(db: sqlite_utils.Database) -> dict[Target, datetime]:
    """When each target last took a message; only those that ever did."""
    sql = """
    SELECT d.channel, d.recipient, max(a.finished_at) FROM attempts a JOIN deliveries d ON d.id = a.delivery_id
    WHERE a.outcome = 'delivered' GROUP BY d.channel, d.recipient
    """
    return {Target(channel, recipient): from_rfc3339(at) for channel, recipient, at in db.execute(sql)}


def attempts(db: sqlite_utils.Database, delivery_id: str) -> list[dict[str, Any]]:
    """What was tried, oldest first: `{n, started_at, finished_at, outcome, answer}`.

    outcome: delivered, retry, permanent, hold, unknown, crashed or interrupted.
    finished_at: None if the agent was gone before it knew.
    """
    sql = "SELECT n, started_at, finished_at, outcome, answer FROM attempts WHERE delivery_id = ? ORDER BY n"
    return list(rows(db, sql, [delivery_id]))


def counts(db: sqlite_utils.Database) -> dict[DeliveryStatus, int]:
    """How many deliveries stand in which state; every state is named."""
    found = dict(db.execute("SELECT status, count(*) FROM deliveries GROUP BY status").fetchall())
    return {status: found.get(status.value, 0) for status in DeliveryStatus}


def conservation(db: sqlite_utils.Database) -> Conservation:
    """The sum that must hold. Call it in one snapshot."""
    (accepted,) = db.execute("SELECT amount FROM ledger WHERE entry = 'accepted'").fetchone()
    return Conservation(accepted, counts(db))


def from_row(row: Row) -> Delivery:
    """The delivery that a row of this table holds."""
    due = row["next_attempt_at"]
    return Delivery(
        id=row["id"],
        event_id=row["event_id"],
        target=Target(row["channel"], row["recipient"]),
        status=DeliveryStatus(row["status"]),
        reason=row["reason"],
        created_at=from_rfc3339(row["created_at"]),
        attempts=row["attempts"],
        next_attempt_at=from_rfc3339(due) if due is not None else None,
        answer=row["answer"],
        reasons=reasons_from_text(row["reasons"]),
        hold=row["hold"],
        folded_into=row["folded_into"],
        repeats=row["repeats"],
        incident=row["incident"],
        address=Address(row["channel"], row["address"], row["answers"]) if row["address"] else None,
    )


def to_row(delivery: Delivery, *, subject: str, rank: int) -> dict[str, Any]:
    """The values of a new row. subject, rank: the event's, by which lines are formed and ordered."""
    due: datetime | None = delivery.next_attempt_at
    return {
        "id": delivery.id,
        "event_id": delivery.event_id,
        "channel": delivery.target.channel,
        "recipient": delivery.target.recipient,
        "subject": subject,
        "rank": rank,
        "status": delivery.status.value,
        "reason": delivery.reason,
        "reasons": reasons_to_text(delivery.reasons),
        "attempts": delivery.attempts,
        "created_at": to_rfc3339(delivery.created_at),
        "next_attempt_at": to_rfc3339(due) if due is not None else None,
        "finished_at": to_rfc3339(delivery.created_at) if delivery.status.is_final else None,
        "answer": delivery.answer,
        "hold": delivery.hold,
        "repeats": delivery.repeats,
        "incident": delivery.incident,
        "address": delivery.address.to if delivery.address is not None else "",
        "answers": delivery.address.thread if delivery.address is not None else "",
    }


def reasons_from_text(text: str) -> tuple[Reason, ...]:
    """What `reasons_to_text` wrote."""
    return tuple(Reason(stage, sentence, tuple(path)) for stage, sentence, path in json.loads(text))


def reasons_to_text(reasons: Sequence[Reason]) -> str:
    """As stored: a list of `[stage, text, path]`."""
    return _ENCODER.encode([(reason.stage, reason.text, reason.path) for reason in reasons])
