"""What a person does with deliveries: have one tried anew, or give one up. Inside a transaction that is open already."""

from __future__ import annotations

from datetime import datetime

import sqlite_utils

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.delivery.model import Delivery, DeliveryStatus
from buildnet_cli.delivery.router import Held
from buildnet_cli.errors import ConflictError, NotFoundError
from buildnet_cli.messages import digest
from buildnet_cli.routing import rate_limit
from buildnet_cli.routing.decision import Case, Lane, Slot, Stage, Target
from buildnet_cli.routing.memory import EVERYBODY
from buildnet_cli.routing.rate_limit import Limits
from buildnet_cli.store import deliveries, unreadable
from buildnet_cli.store.memory import StoredMemory, take_slots

FAILED = (DeliveryStatus.DEAD, DeliveryStatus.EXPIRED)
"""What `--failed` means."""

_MAY_BE_TRIED = (*FAILED, DeliveryStatus.CANCELLED, DeliveryStatus.PENDING)

# It keeps its id and its place: if its line has gone on without it, it is the next one to go.
_RETRY = """
UPDATE deliveries SET status = 'pending', reason = 'to be tried anew', next_attempt_at = :now, finished_at = NULL,
    anew_at = :now, anew_after = attempts,
    has_turn = NOT EXISTS (SELECT 1 FROM deliveries other WHERE other.status = 'pending' AND other.channel = deliveries.channel
        AND other.recipient = deliveries.recipient AND other.subject = deliveries.subject)
WHERE id = :id
"""

_HOLD = """
UPDATE deliveries SET status = 'held', hold = :hold, reason = :reason, next_attempt_at = :until, finished_at = NULL,
    anew_at = :now, anew_after = attempts
WHERE id = :id
"""

_HURRY = "UPDATE deliveries SET next_attempt_at = :now WHERE id = :id AND lease IS NULL"

_CANCEL = """
UPDATE deliveries SET status = 'cancelled', reason = 'cancelled by a person', next_attempt_at = NULL, finished_at = :now,
    has_turn = 0
WHERE id = :id
"""


def retry(db: sqlite_utils.Database, delivery_id: str, now: datetime) -> Delivery:
    """Have a delivery tried again, now: one that was given up begins anew, one that waits for its next try waits no longer.

    It is not held by the rate limits, and counts in them if it begins anew.
    Raises NotFoundError, or ConflictError for one that was made, suppressed, or is held on purpose.
    """
    delivery = _find(db, delivery_id)
    _refuse_folded(delivery, "retry")
    if delivery.status not in _MAY_BE_TRIED:
        raise ConflictError(f"{delivery_id} is {delivery.status.value}: {delivery.reason}; there is nothing to try again")
    if delivery.status is DeliveryStatus.PENDING:
        db.execute(_HURRY, {"id": delivery_id, "now": to_rfc3339(now)})
    else:
        db.execute(_RETRY, {"id": delivery_id, "now": to_rfc3339(now)})
        # A person is not kept waiting by the rate limits; but it counts in them, as every message does.
        take_slots(db, _slots_of(delivery.target), now)
    return _find(db, delivery_id)


def retry_failed(db: sqlite_utils.Database, channel: str | None, limits: Limits, now: datetime) -> list[Delivery]:
    """Have everything tried anew that was given up, oldest first; on one channel or on all.

    They count in the rate limits as new messages do: what is over them is held, and told in a summary, but for
    digests and for answers to whoever asked.
    """
    found = unreadable.as_held(db, deliveries.given_up(db, channel), now)
    return [_retry_within(db, each, limits, now) for each in found]


def _retry_within(db: sqlite_utils.Database, held: Held, limits: Limits, now: datetime) -> Delivery:
    case = Case(held.event, held.delivery.target, held.priority)
    verdict = rate_limit.judge(case, limits, StoredMemory(db), now)
    values = {"id": held.delivery.id, "now": to_rfc3339(now)}
    may_be_folded = held.delivery.address is None and not held.event.type.startswith(digest.PREFIX)
    if verdict.until is not None and may_be_folded:
        db.execute(_HOLD, {**values, "until": to_rfc3339(verdict.until), "reason": verdict.reason.text, "hold": Stage.RATE_LIMIT})
    else:
        db.execute(_RETRY, values)
        take_slots(db, verdict.slots or _slots_of(held.delivery.target), now)
    return _find(db, held.delivery.id)


def cancel(db: sqlite_utils.Database, delivery_id: str, now: datetime) -> Delivery:
    """Give a delivery up that has not been made yet; what comes after it in its line goes on.

    Raises NotFoundError, or ConflictError for one that has come to its end.
    """
    delivery = _find(db, delivery_id)
    _refuse_folded(delivery, "cancel")
    if delivery.status.is_final:
        raise ConflictError(f"{delivery_id} has come to its end already: {delivery.status.value}")
    db.execute(_CANCEL, {"id": delivery_id, "now": to_rfc3339(now)})
    deliveries.advance_lines(db, [delivery_id])
    return _find(db, delivery_id)


def _slots_of(target: Target) -> tuple[Slot, ...]:
    return Slot(target, Lane.ORDINARY), Slot(EVERYBODY, Lane.ORDINARY)


def _refuse_folded(delivery: Delivery, verb: str) -> None:
    if delivery.folded_into is not None:
        raise ConflictError(
            f"{delivery.id} is told in a digest, and ends as that does",
            hint=f"name the digest: buildnet-notify deliveries {verb} {delivery.folded_into}",
        )


def _find(db: sqlite_utils.Database, delivery_id: str) -> Delivery:
    delivery = deliveries.find(db, delivery_id)
    if delivery is None:
        raise NotFoundError(f"there is no delivery {ascii(delivery_id)[:80]}", hint="see: buildnet-notify deliveries list")
    return delivery
