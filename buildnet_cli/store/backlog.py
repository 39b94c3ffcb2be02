"""What a target could not be told in time: for people who read a chat or a telephone, one message instead of all."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import sqlite_utils

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.delivery.router import Router
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import deliveries, events, unreadable
from buildnet_cli.store.memory import StoredMemory
from buildnet_cli.store.outbox import insert
from buildnet_cli.store.rows import rows

TOO_LONG: Final = timedelta(minutes=15)
"""How long something waits before it belongs to a backlog."""

FEWEST: Final = 3
"""So many make a digest; fewer are sent as they are."""

_MOST_AT_ONCE = 5000

# A digest is not folded again. What has not been tried yet waits since it fell due; it may have been held on purpose before.
_WAITING = """
SELECT * FROM deliveries WHERE status = 'pending' AND lease IS NULL AND channel = ? AND recipient = ?
    AND NOT EXISTS (SELECT 1 FROM deliveries member WHERE member.folded_into = deliveries.id)
    AND CASE WHEN attempts = anew_after THEN next_attempt_at ELSE coalesce(anew_at, created_at) END < ?
ORDER BY seq LIMIT ?
"""

_FOLD = """
UPDATE deliveries SET status = 'held', folded_into = ?, reason = ?, next_attempt_at = NULL, has_turn = 0 WHERE id = ?
"""


def fold(db: sqlite_utils.Database, router: Router, target: Target, now: datetime) -> int:
    """Fold what has waited too long for a target into one message; how many deliveries that were, 0 if they were too few."""
    values = [target.channel, target.recipient, to_rfc3339(now - TOO_LONG), _MOST_AT_ONCE]
    waiting = unreadable.as_held(db, list(rows(db, _WAITING, values)), now)
    if len(waiting) < FEWEST:
        return 0
    event, digest = router.fold_backlog(target, waiting, StoredMemory(db), now)
    events.insert(db, event, accepted_at=now, unheard="", key="")
    insert(db, [deliveries.to_row(digest, subject=event.subject, rank=event.priority.rank)])
    for each in waiting:
        db.execute(_FOLD, [digest.id, f"folded into the digest {digest.id}", each.delivery.id])
    deliveries.advance_lines(db, [each.delivery.id for each in waiting])
    return len(waiting)
