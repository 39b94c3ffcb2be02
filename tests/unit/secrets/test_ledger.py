"""The secret file reads back as it was written; anything else is refused with a sentence."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from buildnet_cli.secrets.ledger import Entry, KeyProof, Ledger, Store, from_json, to_json
from buildnet_cli.secrets.master_key import KeySource

WHEN = datetime(2024, 1, 26, 12, tzinfo=UTC)
PROOF = KeyProof(KeySource.KEY_FILE, b"salt", b"proof")
NAMES = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,20}", fullmatch=True)
ENTRIES = st.builds(
    Entry,
    st.datetimes(datetime(1970, 1, 1), datetime(9999, 1, 1), timezones=st.just(UTC)).map(lambda at: at.replace(microsecond=0)),
    st.none() | st.binary(),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda part: st.lists(part) | st.dictionaries(st.text() | st.sampled_from(["version", "secrets", "key", "store"]), part),
)


@given(st.dictionaries(NAMES, ENTRIES))
def test_a_ledger_reads_back_as_it_was_written(entries: dict[str, Entry]) -> None:
    is_sealed = any(entry.store is Store.FILE for entry in entries.values())
    ledger = Ledger(entries, PROOF if is_sealed else None)
    assert from_json(to_json(ledger)) == ledger


def test_the_store_of_an_entry_follows_from_where_its_value_is() -> None:
    assert Entry(WHEN).store is Store.KEYRING
    assert Entry(WHEN, b"").store is Store.FILE


def test_the_last_sealed_value_takes_the_proof_of_the_key_along() -> None:
    ledger = Ledger({"A": Entry(WHEN, b"x"), "B": Entry(WHEN, b"y")}, PROOF)
    assert ledger.without("A").key == PROOF
    assert ledger.without("A").without("B").key is None
    assert ledger.without("A").with_entry("B", Entry(WHEN)).key is None


def test_changing_a_ledger_leaves_the_old_one_as_it_was() -> None:
    ledger = Ledger({"A": Entry(WHEN)})
    ledger.with_entry("B", Entry(WHEN + timedelta(1)))
    ledger.without("A")
    assert list(ledger.entries) == ["A"]


@given(st.binary() | JSON.map(lambda value: json.dumps(value).encode()))
@example(b'{"version": true, "secrets": {}}')
def test_anything_else_is_refused_with_a_value_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"^is damaged$|^has version"):
        from_json(text)


GOOD = {
    "version": 1,
    "key": {"source": "key file", "salt": "c2FsdA==", "sealed": "cHJvb2Y="},
    "secrets": {"A": {"store": "file", "set_at": "2024-01-26T12:00:00Z", "sealed": "eA=="}},
}


def test_the_sample_that_the_damaged_ones_are_made_from_is_good() -> None:
    assert from_json(json.dumps(GOOD).encode()) == Ledger({"A": Entry(WHEN, b"x")}, PROOF)


@pytest.mark.parametrize(
    "part",
    [
        {"key": None},
        {"key": {"source": "elsewhere", "salt": "", "sealed": ""}},
        {"key": {"source": "key file", "salt": "%%%", "sealed": ""}},
        {"secrets": []},
        {"secrets": {"A": {"store": "cloud", "set_at": "2024-01-26T12:00:00Z"}}},
        {"secrets": {"A": {"store": "file", "set_at": "2024-01-26T12:00:00Z"}}},
        {"secrets": {"A": {"store": "keyring", "set_at": "yesterday"}}},
        {"secrets": {"A": {"store": "keyring"}}},
        {"secrets": {"A": None}},
    ],
)
def test_a_damaged_part_is_refused(part: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"^is damaged$"):
        from_json(json.dumps(GOOD | part).encode())


def test_a_file_of_a_newer_version_is_not_guessed_at() -> None:
    with pytest.raises(ValueError, match="has version 2; this program reads version 1"):
        from_json(json.dumps(GOOD | {"version": 2}).encode())
