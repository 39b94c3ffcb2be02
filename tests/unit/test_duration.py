"""What people write as a duration is read, and what we write can be written back."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.duration import format_age, format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("30m", 1800),
        ("2h", 7200),
        ("7d", 604_800),
        ("2w", 1_209_600),
        ("1h30m", 5400),
        ("1h 30m", 5400),
        ("1d2h3m4s", 93_784),
        ("1.5h", 5400),
        ("0.4s", 0.4),
        ("0s", 0),
        ("007s", 7),
    ],
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "5",
        "s",
        "5 s",
        "-5s",
        "+5s",
        "5S",
        "5min",
        "5y",
        "1h,30m",
        "1h  30m",
        " 5s",
        "5s ",
        "5s\n",
        "٥s",
        "1e3s",
        ".5s",
        "5.s",
        "1_0s",
    ],
)
def test_anything_else_is_refused_with_examples(text: str) -> None:
    with pytest.raises(ValueError, match="is no duration; write it as 90s, 30m, 2h or 7d"):
        parse_duration(text)


def test_a_duration_longer_than_any_calendar_is_refused() -> None:
    with pytest.raises(ValueError, match="too long"):
        parse_duration("999999999w")


def test_a_refused_text_is_shown_cut() -> None:
    with pytest.raises(ValueError, match="is no duration") as caught:
        parse_duration("x" * 1_000_000)
    assert len(str(caught.value)) < 200


@given(st.text("0123456789.smhdw ", max_size=30))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        assert parse_duration(text) >= timedelta()
    except ValueError:
        return


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0s"),
        (-5, "0.0s"),
        (0.04, "40ms"),
        (0.0001, "1ms"),
        (0.4, "0.4s"),
        (8.24, "8.2s"),
        (59.94, "59.9s"),
        (59.96, "1m"),
        (72, "1m 12s"),
        (3599.6, "1h"),
        (3600, "1h"),
        (3661, "1h 1m"),
        (86_399.7, "1d"),
        (273_600, "3d 4h"),
        (10_000 * 86_400, "10000d"),
    ],
)
def test_a_duration_is_written_in_its_two_largest_units(seconds: float, text: str) -> None:
    assert format_duration(timedelta(seconds=seconds)) == text


@given(st.timedeltas(timedelta(), timedelta(days=100_000)))
def test_what_we_write_reads_back_to_within_the_smaller_unit_shown(duration: timedelta) -> None:
    steps = {timedelta(minutes=1): 0.1, timedelta(hours=1): 1, timedelta(days=1): 60}
    step = next((seconds for limit, seconds in steps.items() if duration < limit), 3600)
    assert abs(parse_duration(format_duration(duration)) - duration) < timedelta(seconds=step)


@given(st.timedeltas(timedelta(), timedelta(days=100_000)))
def test_writing_what_was_read_changes_nothing_more(duration: timedelta) -> None:
    text = format_duration(duration)
    assert format_duration(parse_duration(text)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-5, "0s ago"),
        (0.9, "0s ago"),
        (59.9, "59s ago"),
        (60, "1m ago"),
        (3599, "59m ago"),
        (7200, "2h ago"),
        (200_000, "2d ago"),
    ],
)
def test_an_age_is_told_in_its_largest_unit(seconds: float, text: str) -> None:
    assert format_age(timedelta(seconds=seconds)) == text
