"""What the secret file holds: every name, which store has its value, and the sealed values of those kept here. Pure."""

from __future__ import annotations

import base64
import enum
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.secrets.master_key import KeySource

_VERSION = 1


class Store(enum.StrEnum):
    """Which store holds a value."""

    KEYRING = "keyring"
    FILE = "file"


@dataclass(frozen=True)
class Entry:
    """One name. sealed: its value when the file holds it, None when the keyring does."""

    set_at: datetime
    sealed: bytes | None = None

    @property
    def store(self) -> Store:
        return Store.KEYRING if self.sealed is None else Store.FILE


@dataclass(frozen=True)
class KeyProof:
    """Which key the sealed values are under.

    salt: for stretching a passphrase. sealed: a known text, so that a wrong key is told from a changed entry.
    """

    source: KeySource
    salt: bytes
    sealed: bytes


@dataclass(frozen=True)
class Ledger:
    """The whole file. key: None as long as no value is sealed in it."""

    entries: Mapping[str, Entry] = field(default_factory=dict)
    key: KeyProof | None = None

    def with_entry(self, name: str, entry: Entry) -> Ledger:
        return self._of({**self.entries, name: entry})

    def without(self, name: str) -> Ledger:
        return self._of({other: entry for other, entry in self.entries.items() if other != name})

    def _of(self, entries: Mapping[str, Entry]) -> Ledger:
        # The last sealed value takes the proof along: the next one may be under another key.
        return Ledger(entries, self.key if _any_sealed(entries) else None)


def to_json(ledger: Ledger) -> bytes:
    """The form in which the file is written; values in the keyring appear by name only."""
    content: dict[str, Any] = {"version": _VERSION}
    if ledger.key is not None:
        content["key"] = {
            "source": ledger.key.source.value,
            "salt": _to_text(ledger.key.salt),
            "sealed": _to_text(ledger.key.sealed),
        }
    content["secrets"] = {
        name: {"store": entry.store.value, "set_at": to_rfc3339(entry.set_at)}
        | ({"sealed": _to_text(entry.sealed)} if entry.sealed is not None else {})
        for name, entry in sorted(ledger.entries.items())
    }
    return json.dumps(content, indent=2).encode() + b"\n"


def from_json(text: bytes) -> Ledger:
    """Read what `to_json` wrote. Raises ValueError, with a sentence's end such as "is damaged", for anything else."""
    try:
        content = json.loads(text)
        version = content["version"]
        if type(version) is int and version == _VERSION:  # true and 1.0 are equal to 1 too
            ledger = Ledger({name: _entry(fields) for name, fields in content["secrets"].items()}, _key(content.get("key")))
            if ledger.key is None and _any_sealed(ledger.entries):
                raise ValueError("sealed values without a key")
            return ledger
    except (KeyError, TypeError, AttributeError, ValueError, RecursionError) as exc:
        raise ValueError("is damaged") from exc
    raise ValueError(f"has version {version!r:.20}; this program reads version {_VERSION}")


def _entry(fields: Any) -> Entry:
    is_here = Store(fields["store"]) is Store.FILE
    return Entry(from_rfc3339(fields["set_at"]), _to_bytes(fields["sealed"]) if is_here else None)


def _key(fields: Any) -> KeyProof | None:
    if fields is None:
        return None
    return KeyProof(KeySource(fields["source"]), _to_bytes(fields["salt"]), _to_bytes(fields["sealed"]))


def _any_sealed(entries: Mapping[str, Entry]) -> bool:
    return any(entry.store is Store.FILE for entry in entries.values())


def _to_text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


def _to_bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
