"""What a text message says: state, fact and id, within its segments."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.sms import text
from buildnet_cli.messages import gsm7
from buildnet_cli.messages.model import Field, Message
from buildnet_cli.messages.render import render
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event

BUILD = "build_01hn3p4q5r6s7t8v9w0x1y2z3c"
WORDS = st.text(max_size=500) | st.sampled_from(
    ["long " * 3000, "x" * 5000, "😀" * 900, "сборка " * 200, "1 " * 900, "[{~" * 300]
)


def message(title: str, line: str, *fields: Field, priority: str = "high") -> Message:
    return Message(event("custom.x", priority=priority), title, line, fields)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_looks_as_agreed(name: str) -> None:
    body = text.body(render(SAMPLES[name]), 2)
    assert gsm7.is_gsm7(body)
    assert_golden(f"messages/sms/{name}.txt", f"{body}\n")


@settings(deadline=None)
@given(WORDS, WORDS, st.integers(1, 10), st.sampled_from(["low", "critical"]), st.booleans())
def test_it_never_takes_more_segments_than_may_be_spent(title: str, line: str, count: int, priority: str, has_id: bool) -> None:
    fields = (Field("Build", BUILD),) if has_id else ()
    body = text.body(message(title, line, *fields, priority=priority), count)
    assert gsm7.segments(body) <= (1 if priority == "critical" else count)
    assert len(body) <= 1600
    assert body.endswith(BUILD) or not has_id


def test_what_is_critical_takes_one_segment() -> None:
    long = "the disk of the machine that builds everything is nearly full " * 5
    assert gsm7.segments(text.body(message("ci-01 disk LOW", long, priority="critical"), 10)) == 1
    assert gsm7.segments(text.body(message("ci-01 disk LOW", long), 10)) == 3


def test_what_goes_is_in_the_middle_and_the_place_and_the_id_stay_whole() -> None:
    sample = render(SAMPLES["build.failed-first"], is_test=True)
    assert text.body(sample, 1) == (
        "TEST - api FAILED (1st after 14 ok)\n"
        "TS2345: Argument of type 'string' is not assignable to parameter... (src/api/routes.ts:42)\n" + BUILD
    )


def test_a_digest_tells_what_is_still_open() -> None:
    problems = [{"type": "build.failed", "subject": f"pkg{number}"} for number in range(3)]
    night = Message(event("digest.quiet_hours", open=problems), "While it was quiet: 3 open", "26 events, Fri 23:10 to Fri 23:40")
    assert text.body(night, 1) == "While it was quiet: 3 open\nopen: build.failed pkg0, build.failed pkg1, build.failed pkg2"


@pytest.mark.parametrize("problems", [[], None, "x", [5], {"type": "x"}])
def test_a_digest_that_leaves_nothing_open_tells_the_rest(problems: object) -> None:
    night = Message(event("digest.quiet_hours", open=problems), "While it was quiet: 3 closed", "26 events")
    assert text.body(night, 1) == "While it was quiet: 3 closed\n26 events"


@pytest.mark.parametrize(
    ("given_text", "room", "kept"),
    [
        ("all of it fits", 14, "all of it fits"),
        ("one two three four", 13, "one two..."),
        ("code 123456 is valid for five minutes", 18, "code 123456 is..."),
        ("plain words before x.c:42", 16, "plain... x.c:42"),
        ("one of them ×3 (api 1)", 14, "one of them..."),
        ("incomprehensibilities", 10, "incompr..."),
        ("anything", 3, ""),
        ("anything", -5, ""),
    ],
)
def test_words_are_cut_whole_and_what_is_gone_is_marked(given_text: str, room: int, kept: str) -> None:
    assert text.cut(given_text, room, is_gsm7=True) == kept


def test_pictures_and_typography_cost_nothing() -> None:
    body = text.body(message("✅ api FIXED · 3×", "“fine” – again…"), 2)
    assert body == 'api FIXED - 3x\n"fine" - again...'


def test_another_script_is_said_in_ucs2_within_the_same_segments() -> None:
    body = text.body(message("сборка api сломалась", "ошибка " * 40, priority="critical"), 2)
    assert body.startswith("сборка api сломалась\nошибка ошибка")
    assert gsm7.segments(body) == 1


def test_the_same_is_not_said_twice() -> None:
    assert text.body(message("deploy.exploded", "deploy.exploded"), 2) == "deploy.exploded"


def test_line_ends_and_control_characters_forge_nothing() -> None:
    assert text.body(message("a\nb\x1b[2J", "c\r\nd\u202e\x00"), 2) == "a b\nc d"
