"""The audit's chain: whatever is done to it afterwards is found, and where."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.commands.audit import (
    GENESIS,
    Anchor,
    Entry,
    Request,
    anchor,
    begun,
    ended,
    event_type_of,
    result_of,
    verify,
)

KEY = b"k" * 32


def request(number: int, **fields: Any) -> Request:
    given_ = {"command": f"BUILD p{number}", "channel": "sms", "identifier": "+14155550123", **fields}
    return Request(request_id=f"req_{number}", timestamp="2024-01-26T12:00:00.000Z", **given_)


def chain(count: int, key: bytes = KEY) -> list[Entry]:
    entries: list[Entry] = []
    for number in range(1, count + 1):
        previous = entries[-1].newest_seal if entries else GENESIS
        entry = begun(key, request(number), number, previous)
        entries.append(ended(key, entry, "command.executed", "", {"status": "success", "build_id": f"build_{number}"}))
    return entries


def at_end_of(entry: Entry) -> Anchor:
    return anchor(KEY, entry.seq, entry.newest_seal)


def flaw(entries: list[Entry], anchored: Anchor | None = None, **options: Any) -> tuple[int, str] | None:
    found = verify(KEY, entries, anchored or at_end_of(chain(5)[-1]), **options)
    return (found.seq, found.reason) if found is not None else None


def test_a_chain_as_it_was_written_has_no_flaw() -> None:
    assert flaw(chain(5)) is None
    assert verify(KEY, [], None) is None


def test_an_entry_is_the_specification_s_to_the_letter() -> None:
    entry = ended(
        KEY, begun(KEY, request(1, command="build api"), 1, GENESIS), "command.executed", "BUILD api", {"status": "success"}
    )
    wire = entry.as_wire()
    assert {name: wire.pop(name) for name in ("request_id", "seq", "hash")} == {
        "request_id": "req_1",
        "seq": 1,
        "hash": entry.end_seal,
    }
    assert json.loads(json.dumps(wire)) == {
        "timestamp": "2024-01-26T12:00:00.000Z",
        "event_type": "command.executed",
        "command": "BUILD api",
        "source": {"channel": "sms", "identifier": "+14155550123", "authenticated": True},
        "result": {"status": "success"},
        "ip_address": None,
        "user_agent": None,
    }


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("command", "CACHE CLEAR"),
        ("identifier", "+14155550999"),
        ("channel", "api"),
        ("is_authenticated", False),
        ("timestamp", "2024-01-27T12:00:00.000Z"),
        ("address", "203.0.113.9"),
        ("agent", "curl"),
    ],
)
def test_an_edited_request_is_found(field: str, value: Any) -> None:
    entries = chain(5)
    entries[2] = replace(entries[2], request=replace(entries[2].request, **{field: value}))
    assert flaw(entries) == (3, "what was asked has been changed")


@pytest.mark.parametrize("edit", [{"result": {"status": "failed"}}, {"event_type": "command.denied"}, {"understood": "STATUS"}])
def test_an_edited_end_is_found(edit: dict[str, Any]) -> None:
    entries = chain(5)
    entries[4] = replace(entries[4], **edit)
    assert flaw(entries) == (5, "how it ended has been changed")


def test_a_removed_end_is_found_even_in_the_last_entry() -> None:
    for number in (3, 5):
        entries = chain(5)
        entries[number - 1] = replace(entries[number - 1], event_type="", result={}, end_seal="")
        assert flaw(entries) == (number, "how it ended has been removed")
    assert flaw(entries, executing=["req_5"]) == (5, "entry 5 was not the one that the anchor names")


def test_what_is_under_way_has_not_ended_yet() -> None:
    entries = chain(5)
    entries.append(begun(KEY, request(6), 6, entries[-1].newest_seal))
    assert flaw(entries, at_end_of(entries[-1]), executing=["req_6"]) is None


def test_two_at_the_same_time_may_end_in_any_order() -> None:
    first = begun(KEY, request(1), 1, GENESIS)
    second = begun(KEY, request(2), 2, first.newest_seal)
    entries = [ended(KEY, first, "command.failed", "", {}), ended(KEY, second, "command.executed", "", {})]
    assert flaw(entries, at_end_of(entries[-1])) is None


@pytest.mark.parametrize("removed", [0, 1, 3])
def test_a_removed_entry_is_found(removed: int) -> None:
    entries = chain(5)
    del entries[removed]
    assert flaw(entries) == (removed + 2, "an entry before it has been removed")


def test_a_removed_entry_is_found_even_if_the_rest_is_numbered_anew() -> None:
    entries = chain(5)
    del entries[1]
    renumbered = [replace(entry, seq=number) for number, entry in enumerate(entries, start=1)]
    assert flaw(renumbered) == (2, "it does not follow on the entry before it")


@pytest.mark.parametrize("kept", [0, 1, 4])
def test_a_cut_end_is_found(kept: int) -> None:
    assert flaw(chain(5)[:kept]) == (kept + 1, f"entries {kept + 1} to 5 had been cut off")


def test_a_chain_made_anew_with_another_key_is_found() -> None:
    assert flaw(chain(5, b"x" * 32)) == (1, "what was asked has been changed")


def test_an_anchor_that_was_moved_or_removed_is_found() -> None:
    entries = chain(5)
    assert flaw(entries[:3], replace(at_end_of(entries[2]), mac="0" * 64)) == (3, "the anchor had been changed")
    found = verify(KEY, entries, None)
    assert found is not None
    assert "the anchor was gone" in found.reason


def test_what_was_written_after_the_anchor_is_no_flaw() -> None:
    entries = chain(7)
    assert flaw(entries, at_end_of(entries[4])) is None


@given(st.integers(1, 6), st.data())
def test_whatever_single_thing_is_changed_is_found(count: int, data: st.DataObject) -> None:
    entries = chain(count)
    number = data.draw(st.integers(0, count - 1))
    field = data.draw(st.sampled_from(["previous", "seal", "end_seal", "event_type", "understood"]))
    old = getattr(entries[number], field)
    new = data.draw(st.text(max_size=64).filter(lambda text: text != old))
    entries[number] = replace(entries[number], **{field: new})
    assert verify(KEY, entries, at_end_of(chain(count)[-1])) is not None


@pytest.mark.parametrize(
    ("status", "event_type", "word"),
    [
        ("executed", "command.executed", "success"),
        ("accepted", "command.executed", "success"),
        ("confirmation_required", "command.executed", "confirmation_required"),
        ("denied", "command.denied", "denied"),
        ("failed", "command.failed", "failed"),
        ("unsupported", "command.failed", "unsupported"),
        ("interrupted", "command.failed", "interrupted"),
        ("rejected", "command.rejected", "rejected"),
    ],
)
def test_every_end_has_its_event_and_its_word(status: str, event_type: str, word: str) -> None:
    assert event_type_of(status) == event_type
    assert result_of(status, {"build_id": "build_1", "status": "queued"}) == {"status": word, "build_id": "build_1"}
