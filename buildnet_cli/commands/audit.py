"""The audit's chain: what was asked, by whom, and how it ended, so that no entry can be changed or removed unnoticed. Pure.

Each entry is sealed twice with a key that lies outside the database: when it begins, over the seal before it, and when it ends,
over its own beginning. The newest seal is kept a second time, as the anchor, so that cutting off the end shows as well.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, Protocol

GENESIS: Final = "0" * 64
"""What the first entry is sealed over."""

_ENDED_WELL = frozenset({"executed", "accepted"})
_TYPE_OF = {
    "executed": "command.executed",
    "accepted": "command.executed",
    "confirmation_required": "command.executed",
    "denied": "command.denied",
    "unsupported": "command.failed",
    "rejected": "command.rejected",
    "cut": "audit.cut",
    "restarted": "audit.restarted",
}

CUT: Final = "audit.cut"
"""The entry that tells, for good, that the chain did not reach its anchor when it went on, and nobody knows why."""

RESTARTED: Final = "audit.restarted"
"""The same where it is known why: the database was damaged, and the chain begins anew."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is known of an attempt when it begins.

    identifier: the provider's stable id of who asked. address, agent: whence an HTTP request came, and by what; None elsewhere.
    """

    request_id: str
    timestamp: str
    command: str
    channel: str
    identifier: str
    is_authenticated: bool = True
    address: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """One attempt.

    previous: the seal before it. seal: over its beginning. event_type, understood, result, end_seal: empty until it has ended.
    understood: the command as it was read, where that is not how it was typed.
    """

    seq: int
    request: Request
    previous: str
    seal: str
    event_type: str = ""
    understood: str = ""
    result: Mapping[str, Any] = field(default_factory=dict)
    end_seal: str = ""

    @property
    def newest_seal(self) -> str:
        return self.end_seal or self.seal

    def as_wire(self) -> dict[str, Any]:
        """The specification's entry, with `request_id`, `seq` and `hash` beside it."""
        request = self.request
        return {
            "timestamp": request.timestamp,
            "event_type": self.event_type or "command.executing",
            "command": self.understood or request.command,
            "source": {
                "channel": request.channel,
                "identifier": request.identifier,
                "authenticated": request.is_authenticated,
            },
            "result": dict(self.result),
            "ip_address": request.address,
            "user_agent": request.agent,
            "request_id": request.request_id,
            "seq": self.seq,
            "hash": self.newest_seal,
        }


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where the chain ended when it was last written to. mac: over both, so that it cannot be made to fit."""

    seq: int
    seal: str
    mac: str


class Seals(Protocol):
    """What the chain is sealed with; it lies outside the database. Both may block for a moment."""

    def key(self) -> bytes:
        """The key, made when it is first needed. Raises BuildNetError if it cannot be had: nothing may run then."""
        ...

    def put_anchor(self, anchor: Anchor) -> None:
        """Keep where the chain ends now."""
        ...

    def read_anchor(self) -> Anchor | None:
        """Where it ended when it was last written to; None if nobody knows."""
        ...


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with the chain. seq: the first entry concerned."""

    seq: int
    reason: str


def result_of(status: str, result: Mapping[str, Any]) -> dict[str, Any]:
    """How an attempt ended, as the specification writes it: `{"status": "success", "build_id": …}`."""
    return {"status": "success" if status in _ENDED_WELL else status, **{k: v for k, v in result.items() if k != "status"}}


def event_type_of(status: str) -> str:
    """Which event an ended attempt is: `command.executed`, `command.denied`, `command.failed`, `command.rejected`."""
    return _TYPE_OF.get(status, "command.failed")


def begun(key: bytes, request: Request, seq: int, previous: str) -> Entry:
    """The entry of an attempt that begins."""
    return Entry(seq, request, previous, _seal(key, _beginning(request, seq, previous)))


def ended(key: bytes, entry: Entry, event_type: str, understood: str, result: Mapping[str, Any]) -> Entry:
    """The same entry, once it is known how the attempt ended."""
    end = _seal(key, [entry.seal, event_type, understood, dict(result)])
    return replace(entry, event_type=event_type, understood=understood, result=result, end_seal=end)


def anchor(key: bytes, seq: int, seal: str) -> Anchor:
    return Anchor(seq, seal, _seal(key, ["anchor", seq, seal]))


def verify(key: bytes, entries: Iterable[Entry], anchored: Anchor | None, *, executing: Iterable[str] = ()) -> Flaw | None:
    """The first flaw of a chain, oldest entry first; None if every entry is as it was written.

    anchored: None if there is none. executing: ids of requests that have not ended yet.
    """
    under_way = frozenset(executing)
    before: Entry | None = None
    named: Entry | None = None
    for entry in entries:
        flaw = _flaw_in(key, entry, before, under_way)
        if flaw:
            return Flaw(entry.seq, flaw)
        if anchored is not None and entry.seq == anchored.seq:
            named = entry
        before = entry
    return gap(key, before.seq if before is not None else 0, named, anchored)


def gap(key: bytes, last: int, named: Entry | None, anchored: Anchor | None) -> Flaw | None:
    """Why a chain does not reach its anchor; None if it does, or if there is neither.

    last: number of the newest entry; 0 for none. named: the entry that bears the anchor's number.
    """
    if anchored is None:
        return Flaw(last, "the anchor was gone, so nobody can tell whether the end was cut off") if last else None
    if not _is_same(anchored.mac, _seal(key, ["anchor", anchored.seq, anchored.seal])):
        return Flaw(last, "the anchor had been changed")
    if last < anchored.seq:
        return Flaw(last + 1, f"entries {last + 1} to {anchored.seq} had been cut off")
    if anchored.seq and (named is None or anchored.seal not in (named.seal, named.end_seal)):
        return Flaw(anchored.seq, f"entry {anchored.seq} was not the one that the anchor names")
    return None


def _flaw_in(key: bytes, entry: Entry, before: Entry | None, under_way: frozenset[str]) -> str:
    if entry.seq != (before.seq + 1 if before is not None else 1):
        return "an entry before it has been removed"
    follows = (before.seal, before.end_seal) if before is not None else (GENESIS,)
    if entry.previous not in follows or not entry.previous:
        return "it does not follow on the entry before it"
    if not _is_same(entry.seal, _seal(key, _beginning(entry.request, entry.seq, entry.previous))):
        return "what was asked has been changed"
    if not entry.end_seal:
        return "" if entry.request.request_id in under_way else "how it ended has been removed"
    if not _is_same(entry.end_seal, ended(key, entry, entry.event_type, entry.understood, entry.result).end_seal):
        return "how it ended has been changed"
    return f"when it was written, {entry.result.get('reason', '')}" if entry.event_type == CUT else ""


def _beginning(request: Request, seq: int, previous: str) -> list[Any]:
    return [
        previous,
        seq,
        request.request_id,
        request.timestamp,
        request.command,
        request.channel,
        request.identifier,
        request.is_authenticated,
        request.address,
        request.agent,
    ]


def _seal(key: bytes, parts: list[Any]) -> str:
    return hmac.digest(key, json.dumps(parts, sort_keys=True, separators=(",", ":")).encode(), "sha256").hex()


def _is_same(found: str, expected: str) -> bool:
    # As bytes: what was put in the place of a seal may be any text.
    return hmac.compare_digest(found.encode("utf-8", "surrogatepass"), expected.encode())
