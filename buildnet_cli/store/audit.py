"""The audit as rows: begun before a command takes effect, ended after. Nothing here is ever changed or removed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import sqlite_utils

from buildnet_cli.commands import audit
from buildnet_cli.commands.audit import Anchor, Entry, Flaw, Request
from buildnet_cli.delivery.clean import clean_object, clean_text
from buildnet_cli.ids import new_id
from buildnet_cli.store.page import Filter, Page, newest_first
from buildnet_cli.store.rows import Row, rows

_INSERT = """
INSERT INTO audit (seq, request_id, timestamp, command, channel, identifier, authenticated, ip_address, user_agent,
                   previous, seal)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
_END = "UPDATE audit SET event_type = ?, understood = ?, result = ?, end_seal = ? WHERE seq = ?"


def begin(db: sqlite_utils.Database, key: bytes, request: Request) -> Entry:
    """Write down an attempt before anything comes of it."""
    newest = _newest(db)
    seq, previous = (newest.seq + 1, newest.newest_seal) if newest is not None else (1, audit.GENESIS)
    entry = audit.begun(key, _cleaned(request), seq, previous)
    asked = entry.request
    db.execute(
        _INSERT,
        [
            seq,
            asked.request_id,
            asked.timestamp,
            asked.command,
            asked.channel,
            asked.identifier,
            asked.is_authenticated,
            asked.address,
            asked.agent,
            previous,
            entry.seal,
        ],
    )
    return entry


def end(
    db: sqlite_utils.Database, key: bytes, request_id: str, status: str, understood: str, result: Mapping[str, Any]
) -> Entry | None:
    """Write down how an attempt ended; the newest entry, for the anchor. None for a request that began before there was an audit.

    status: as the command's row has it. understood: the command as it was read.
    """
    row = next(db.query("SELECT * FROM audit WHERE request_id = ?", [request_id]), None)
    if row is None:
        return None
    kept = json.loads(json.dumps(clean_object(audit.result_of(status, result))))
    entry = audit.ended(key, _from_row(row), audit.event_type_of(status), clean_text(understood), kept)
    db.execute(_END, [entry.event_type, entry.understood, json.dumps(kept), entry.end_seal, entry.seq])
    return _newest(db)


def gap(db: sqlite_utils.Database, key: bytes, anchored: Anchor | None) -> Flaw | None:
    """Why the chain does not reach its anchor; None if it does."""
    newest = _newest(db)
    row = next(rows(db, "SELECT * FROM audit WHERE seq = ?", [anchored.seq]), None) if anchored is not None else None
    return audit.gap(key, newest.seq if newest is not None else 0, _from_row(row) if row is not None else None, anchored)


def go_on(db: sqlite_utils.Database, key: bytes, timestamp: str, flaw: Flaw, mishap: str) -> Entry:
    """Write down that the chain did not reach its anchor, before it goes on and the anchor with it.

    mishap: what is known to have happened to the database; empty for nothing.
    """
    reason = f"{mishap}; of the audit, {flaw.reason}" if mishap else flaw.reason
    entry = begin(db, key, Request(new_id("req"), timestamp, "audit", "agent", "agent"))
    return end(db, key, entry.request.request_id, "restarted" if mishap else "cut", "", {"reason": reason}) or entry


def restarts(db: sqlite_utils.Database) -> list[Entry]:
    """Entries with which the chain began anew."""
    return [_from_row(row) for row in rows(db, "SELECT * FROM audit WHERE event_type = ? ORDER BY seq", [audit.RESTARTED])]


def entries(db: sqlite_utils.Database) -> Iterator[Entry]:
    """All of them, oldest first."""
    return map(_from_row, db.query("SELECT * FROM audit ORDER BY seq"))


def count(db: sqlite_utils.Database) -> int:
    """How many there are."""
    (number,) = db.execute("SELECT count(*) FROM audit").fetchone()
    return int(number)


def executing(db: sqlite_utils.Database) -> list[str]:
    """Ids of the requests that have not ended yet."""
    return [row[0] for row in db.execute("SELECT request_id FROM commands WHERE status = 'executing'")]


def page(db: sqlite_utils.Database, *, before: str | None = None, limit: int = 50, channel: str | None = None) -> Page[Row]:
    """Entries, newest first, as the specification writes them. Raises UsageError if `before` is no cursor."""
    chosen = Filter()
    chosen.add_equal("channel", channel)
    chosen.add_before(before)
    return newest_first(db, "audit", chosen, limit, lambda row: _from_row(row).as_wire())


def _newest(db: sqlite_utils.Database) -> Entry | None:
    row = next(db.query("SELECT * FROM audit ORDER BY seq DESC LIMIT 1"), None)
    return _from_row(row) if row is not None else None


def _cleaned(request: Request) -> Request:
    return Request(
        request.request_id,
        request.timestamp,
        clean_text(request.command),
        clean_text(request.channel),
        clean_text(request.identifier),
        request.is_authenticated,
        clean_text(request.address) if request.address is not None else None,
        clean_text(request.agent) if request.agent is not None else None,
    )


def _from_row(row: Row) -> Entry:
    request = Request(
        row["request_id"],
        row["timestamp"],
        row["command"],
        row["channel"],
        row["identifier"],
        bool(row["authenticated"]),
        row["ip_address"],
        row["user_agent"],
    )
    return Entry(
        row["seq"],
        request,
        row["previous"],
        row["seal"],
        row["event_type"],
        row["understood"],
        _result_in(row["result"]),
        row["end_seal"],
    )


def _result_in(text: str) -> dict[str, Any]:
    """What a row holds, even if somebody has put something else there: then it does not match its seal."""
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    return value if isinstance(value, dict) else {"?": text}
