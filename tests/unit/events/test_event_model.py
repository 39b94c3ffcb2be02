"""What a producer hands in becomes a draft or a sentence that says what is wrong; it never breaks anything behind it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.errors import UsageError
from buildnet_cli.events.json_value import MAX_BYTES, MAX_DEPTH, MAX_KEYS, MAX_NUMBER
from buildnet_cli.events.model import MAX_MESSAGE, MAX_SUBJECT, Event, EventDraft, read_draft
from buildnet_cli.events.priority import Priority

ANY_TEXT = st.text(st.characters())  # lone surrogates too: a JSON text may hold them
FIELDS = ["type", "message", "subject", "package", "priority", "source", "timestamp", "payload", "data", "id"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT | st.just(10**300),
    lambda part: st.lists(part, max_size=4) | st.dictionaries(ANY_TEXT, part, max_size=4),
    max_leaves=12,
)
NEAR_EVENTS = st.fixed_dictionaries(
    {"type": st.sampled_from(["build.failed", "custom.x", "build.*", "BUILD"])},
    optional={
        "message": ANY_TEXT | JSON,
        "subject": ANY_TEXT | JSON,
        "priority": st.sampled_from(Priority).map(str) | JSON,
        "source": ANY_TEXT | JSON,
        "timestamp": st.datetimes().map(lambda at: at.isoformat() + "Z") | JSON,
        "payload": st.dictionaries(ANY_TEXT, JSON, max_size=4) | JSON,
        "id": st.sampled_from(["job-17", ""]) | JSON,
    },
)


def error_of(value: object) -> UsageError:
    with pytest.raises(UsageError) as caught:
        read_draft(value)
    return caught.value


def said_by(error: UsageError) -> str:
    return f"{error.where}: {error.message} ({error.hint})"


@given(JSON | NEAR_EVENTS | st.dictionaries(st.sampled_from(FIELDS), JSON))
def test_any_json_value_is_a_draft_or_a_usage_error(value: object) -> None:
    try:
        draft = read_draft(value)
    except UsageError as exc:
        text = said_by(exc)
        assert text.isprintable(), "an error is one line that no terminal obeys"
        assert len(text) < 600
        return
    # Whatever was taken can be stored and sent.
    stored = json.dumps([draft.message, draft.subject, draft.source, draft.payload], allow_nan=False, ensure_ascii=False)
    sqlite3.connect(":memory:").execute("SELECT ?", (stored,)).fetchone()


@given(NEAR_EVENTS)
def test_what_was_sent_reads_back_as_what_was_handed_in(value: dict[str, Any]) -> None:
    try:
        draft = read_draft(value)
    except UsageError:
        return
    event = Event(
        id=draft.id or "evt_1",
        type=draft.type,
        priority=draft.priority or Priority.MEDIUM,
        message=draft.message,
        subject=draft.subject,
        source=draft.source,
        timestamp=draft.timestamp or datetime(2024, 1, 26, 12, tzinfo=UTC),
        payload=draft.payload,
    )
    again = read_draft(json.loads(json.dumps(event.as_wire())))
    assert again.timestamp is not None
    assert timedelta() <= event.timestamp - again.timestamp < timedelta(milliseconds=1)
    assert again == EventDraft(
        event.type, event.message, event.subject, event.priority, event.source, again.timestamp, event.payload, event.id
    )


def test_an_event_on_the_wire_has_these_fields_in_this_order() -> None:
    event = Event(
        "evt_1", "build.failed", Priority.HIGH, "it failed", "api", "engine", datetime(2024, 1, 26, tzinfo=UTC), {"a": 1}
    )
    assert list(event.as_wire().items()) == [
        ("id", "evt_1"),
        ("type", "build.failed"),
        ("priority", "high"),
        ("message", "it failed"),
        ("subject", "api"),
        ("source", "engine"),
        ("timestamp", "2024-01-26T00:00:00.000Z"),
        ("payload", {"a": 1}),
    ]


def test_a_type_alone_is_an_event() -> None:
    assert read_draft({"type": "build.failed"}) == EventDraft("build.failed")


def test_package_and_data_are_other_names_for_subject_and_payload() -> None:
    draft = read_draft({"type": "build.failed", "package": "api", "data": {"a": 1}})
    assert (draft.subject, draft.payload) == ("api", {"a": 1})


@pytest.mark.parametrize("names", [("package", "subject"), ("subject", "package"), ("data", "payload")])
def test_both_names_for_one_field_are_refused(names: tuple[str, str]) -> None:
    content = {"package": "a", "subject": "b", "data": {}, "payload": {}}
    assert "give one of them" in said_by(error_of({"type": "build.failed"} | {name: content[name] for name in names}))


@pytest.mark.parametrize("value", [None, [], "build.failed", 1, True, [{"type": "build.failed"}]])
def test_what_is_no_object_is_refused(value: object) -> None:
    assert "an event is a JSON object, not " in error_of(value).message


def test_an_unknown_field_is_refused_with_the_one_that_was_meant() -> None:
    assert 'did you mean "priority"?' in error_of({"type": "build.failed", "prioritty": "low"}).hint
    assert "payload" in error_of({"type": "build.failed", "zzz": 1}).hint


def test_a_misspelt_type_is_refused_with_the_one_that_was_meant() -> None:
    assert error_of({"type": "BUILD.FAILED"}).hint == 'did you mean "build.failed"?'
    assert error_of({"type": "build failed"}).hint == 'did you mean "build.failed"?'


def test_an_unknown_type_of_good_form_is_taken() -> None:
    assert read_draft({"type": "custom.deploy.done"}).type == "custom.deploy.done"


@pytest.mark.parametrize(
    ("message", "kept"),
    [
        ("a\0b", "a\N{REPLACEMENT CHARACTER}b"),
        ("a\x1b[31mb", "a\N{REPLACEMENT CHARACTER}[31mb"),
        ("a\r\nb\tc\n", "a\nb\tc\n"),
        ("\ud800", "?"),
        ("e\u0301", "é"),
        ("", ""),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("x" * (MAX_MESSAGE + 1), "x" * MAX_MESSAGE),
    ],
)
def test_a_message_is_kept_as_text_that_everything_behind_can_carry(message: str, kept: str) -> None:
    assert read_draft({"type": "build.failed", "message": message}).message == kept


@pytest.mark.parametrize("field", ["subject", "source"])
@pytest.mark.parametrize("text", ["a\nb", "a\0b", "a\u2028b", "x" * (MAX_SUBJECT + 1)])
def test_a_name_is_one_short_line(field: str, text: str) -> None:
    assert error_of({"type": "build.failed", field: text}).where == field


@pytest.mark.parametrize("identifier", ["job-17", "A", "01J9:x.y_z", "x" * 100, ""])
def test_a_producers_own_id_is_kept(identifier: str) -> None:
    assert read_draft({"type": "build.failed", "id": identifier}).id == identifier


@pytest.mark.parametrize("identifier", [None, 17, " ", "a b", "a\n", "-a", "x" * 101, "é", ["a"]])
def test_what_cannot_be_an_id_is_refused(identifier: object) -> None:
    assert error_of({"type": "build.failed", "id": identifier}).where == "id"


@pytest.mark.parametrize(
    ("payload", "words"),
    [
        ({"a": float("nan")}, "payload.a is NaN"),
        ({"a": [1, {"b": float("inf")}]}, "payload.a[1].b is NaN or infinite"),
        ({"a": MAX_NUMBER + 1}, "payload.a is a number of more than 64 bits"),
        ({"a": -MAX_NUMBER - 1}, "payload.a is a number of more than 64 bits"),
        ({"duration_ms": -0.5}, "payload.duration_ms is -0.5"),
        ({str(number): number for number in range(MAX_KEYS + 1)}, f"more than {MAX_KEYS} keys"),
        ({str(number): {"x": 1} for number in range(MAX_KEYS // 2 + 1)}, f"more than {MAX_KEYS} keys"),
        ({"a": "x" * MAX_BYTES}, "payload has 257 KiB; at most 256 KiB are taken"),
        ({"a\x1b": float("nan")}, "payload.a\\x1b is NaN"),
        ([], "payload must be a JSON object, not a list"),
        (None, "payload must be a JSON object, not null"),
    ],
)
def test_a_payload_beyond_its_limits_is_refused_with_its_key(payload: object, words: str) -> None:
    assert words in error_of({"type": "build.failed", "payload": payload}).message


def nested(depth: int) -> dict[str, Any]:
    value: dict[str, Any] = {}
    for level in range(depth - 1):
        value = {"a": [value] if level % 2 else value}
    return value


def test_a_payload_may_nest_so_deep_and_no_deeper() -> None:
    good: Any = 1
    for _ in range(MAX_DEPTH):
        good = {"a": good}
    assert read_draft({"type": "build.failed", "payload": good}).payload == good
    assert "nested too deeply" in error_of({"type": "build.failed", "payload": {"a": good}}).message


def test_a_value_nested_beyond_all_measure_is_refused_in_every_field() -> None:
    deep: Any = []
    for _ in range(100_000):
        deep = [deep]
    for field in FIELDS:
        value = {"type": "build.failed", field: {"a": deep} if field in ("payload", "data") else deep}
        assert error_of(value).where.startswith((field, "payload", "subject"))


@pytest.mark.parametrize("field", FIELDS)
def test_a_number_too_long_to_write_down_is_refused_in_every_field(field: str) -> None:
    number = 10**5000
    assert error_of({"type": "build.failed", field: {"a": number} if field in ("payload", "data") else number}).message


# The cases of the shared list of bad inputs that a model can meet: input → words that the error must hold.
@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"type": "build.*", "message": "x"}, ["type", "pattern"]),
        ({"type": "build.failed\nX", "message": "x"}, ["type"]),
        ({"type": "build.failed", "priority": "urgent"}, ["priority", "critical"]),
        ({"type": "build.failed", "message": "x" * 1_048_577}, ["256 KiB"]),
        ({"type": "build.completed", "payload": {"duration": -5}}, ["duration"]),
        ({"type": "build.completed", "payload": {"size": 9_223_372_036_854_775_808}}, ["size"]),
        ({"type": "build.failed", "timestamp": "yesterday"}, ["timestamp", "RFC 3339"]),
        ({"type": "build.failed", "timestamp": 1e18}, ["timestamp", "RFC 3339"]),
        ({"type": "build.failed", "payload": {f"k{number}": 1 for number in range(10_000)}}, ["keys"]),
    ],
)
def test_a_bad_event_is_refused_in_the_words_that_were_agreed(value: object, words: list[str]) -> None:
    text = said_by(error_of(value)).lower()
    assert all(word.lower() in text for word in words)


@pytest.mark.parametrize("timestamp", ["2099-01-01T00:00:00Z", "1970-01-01T00:00:00+14:00"])
def test_a_producers_clock_may_be_wrong(timestamp: str) -> None:
    draft = read_draft({"type": "build.failed", "timestamp": timestamp})
    assert draft.timestamp is not None
    assert draft.timestamp.utcoffset() == timedelta()
