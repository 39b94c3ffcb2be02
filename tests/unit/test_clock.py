"""Times are written in one form, and read only if they say which moment they mean."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.clock import SystemClock, from_rfc3339, to_rfc3339

MOMENTS = st.datetimes(
    datetime(1000, 1, 1), datetime(9998, 1, 1), timezones=st.integers(-1439, 1439).map(lambda m: timezone(timedelta(minutes=m)))
)


def test_a_time_is_written_in_utc_with_milliseconds() -> None:
    noon_in_delhi = datetime(2024, 1, 26, 12, 0, 0, 123_999, timezone(timedelta(hours=5, minutes=30)))
    assert to_rfc3339(noon_in_delhi) == "2024-01-26T06:30:00.123Z"


@given(MOMENTS)
def test_a_time_reads_back_to_the_millisecond(moment: datetime) -> None:
    read = from_rfc3339(to_rfc3339(moment))
    assert timedelta() <= moment - read < timedelta(milliseconds=1)
    assert read.tzinfo is UTC
    assert to_rfc3339(read) == to_rfc3339(moment)


@given(MOMENTS, MOMENTS)
def test_text_order_is_time_order(one: datetime, other: datetime) -> None:
    if to_rfc3339(one) < to_rfc3339(other):
        assert one < other


@pytest.mark.parametrize(
    "text",
    [
        "2024-01-26T12:00:00Z",
        "2024-01-26t12:00:00z",
        "2024-01-26 12:00:00Z",
        "2024-01-26T12:00:00.0Z",
        "2024-01-26T12:00:00.000000000Z",
        "2024-01-26T12:00:00+00:00",
        "2024-01-26T17:30:00+05:30",
        "2024-01-25T12:30:00-23:30",
    ],
)
def test_every_spelling_of_rfc_3339_is_read(text: str) -> None:
    assert from_rfc3339(text) == datetime(2024, 1, 26, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "2024-01-26",
        "2024-01-26T12:00Z",
        "20240126T120000Z",
        "2024-W04-5T12:00:00Z",
        "2024-01-26x12:00:00Z",
        "2024-01-26\n12:00:00Z",
        "2024-01-26T12:00:00Z\n",
        "2024-01-26T12:00:00+05:30:15",
        "٢٠٢٤-01-26T12:00:00Z",
        "2024-02-30T12:00:00Z",
        "2024-01-26T24:00:01Z",
        "2016-12-31T23:59:60Z",
        "0001-01-01T00:00:00+23:59",
        "9999-12-31T23:59:59-23:59",
    ],
)
def test_anything_else_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError, match=r"RFC 3339|must be in|out of range|outside the years"):
        from_rfc3339(text)


def test_a_time_without_an_offset_is_refused_with_the_form_to_use() -> None:
    with pytest.raises(ValueError, match="names no offset from UTC; write it as 2024-01-26T12:00:00Z"):
        from_rfc3339("2024-01-26T12:00:00")


@given(st.text() | st.text("0123456789-+:.TZtz ", max_size=40))
def test_no_text_raises_anything_but_a_value_error(text: str) -> None:
    try:
        moment = from_rfc3339(text)
    except ValueError:
        return
    assert moment.tzinfo is UTC


def test_the_system_clock_is_aware_and_its_elapsed_time_never_goes_back() -> None:
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta()
    first, second = clock.monotonic(), clock.monotonic()
    assert second >= first
