"""Times of day, zones, schedules, periods."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from cronsim import CronSim
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from buildnet_cli.config.timing import Cron, Zone
from tests.support.config_models import configured, refusal

ZONE: TypeAdapter[str] = TypeAdapter(Zone)
CRON: TypeAdapter[str] = TypeAdapter(Cron)

NIGHT = {"start": "22:00", "end": "08:00"}


@pytest.mark.parametrize(
    "text", ["25:00", "22:60", "24:00", "", "22", "22:00:00:00", "22:00:00", " 22:00", "22:00\n", "２２:００", "9:00", 1320, None]
)
def test_what_is_no_time_of_day_is_refused_with_its_form(text: Any) -> None:
    error = refusal("notifications.settings.quiet_hours", {**NIGHT, "start": text})
    assert "quiet_hours" in error
    assert "HH:MM" in error


def test_a_time_of_day_is_read_and_written_as_hours_and_minutes() -> None:
    quiet = configured("notifications.settings.quiet_hours", NIGHT).notifications.settings.quiet_hours
    assert quiet is not None
    assert (quiet.start, quiet.end) == (time(22), time(8))
    assert quiet.model_dump(by_alias=True)["start"] == "22:00"


def test_quiet_hours_without_a_length_are_refused() -> None:
    error = refusal("notifications.settings.quiet_hours", {"start": "22:00", "end": "22:00"})
    assert "start and end must differ" in error


def test_quiet_hours_need_both_ends_unless_they_are_off() -> None:
    assert "needs end" in refusal("notifications.settings.quiet_hours", {"start": "22:00"})
    assert configured("notifications.settings.quiet_hours", {"enabled": False}).notifications.settings.quiet_hours is not None


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("America/New_york", '"America/New_York"'),
        ("america/new_york", '"America/New_York"'),
        ("utc", 'did you mean "UTC"?'),
        ("UTC+5", "is no time zone"),
        ("America", "America"),
        ("Mars/Phobos", "Mars/Phobos"),
        ("../../etc/passwd", "is no time zone"),
        ("/etc/localtime", "is no time zone"),
        ("", "is no time zone"),
        ("zone.tab", "is no time zone"),
        ("America/New_York\0", "NUL"),
        ("UTC\n", "line break"),
        ("A" * 300, "is no time zone"),
        ("Europe/Berlin ", '"Europe/Berlin"'),
        (5, "must be text"),
        (None, "must be text"),
    ],
)
def test_what_is_no_time_zone_is_refused_with_one_that_is_near(zone: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ZONE.validate_python(zone)
    assert expected in str(caught.value)


@pytest.mark.parametrize("zone", ["UTC", "America/New_York", "Asia/Kolkata", "America/Argentina/Buenos_Aires", "Etc/GMT+5"])
def test_a_time_zone_is_taken_by_its_name(zone: str) -> None:
    quiet = configured("notifications.settings.quiet_hours", {**NIGHT, "timezone": zone}).notifications.settings.quiet_hours
    assert quiet is not None
    assert quiet.zone.key == zone


@given(st.text(max_size=80))
def test_any_text_is_a_zone_that_can_be_opened_or_is_refused(text: str) -> None:
    try:
        zone = ZONE.validate_python(text)
    except ValidationError:
        return
    assert ZoneInfo(zone).key == text


@pytest.mark.parametrize(
    ("cron", "expected"),
    [
        ("", "5 fields"),
        ("* * * *", "5 fields"),
        ("* * * * * *", "5 fields"),
        ("0 9 * * * ; rm -rf /", "5 fields"),
        ("@reboot", "5 fields"),
        ("0 25 * * *", "hour"),
        ("0 9 0 * *", "day"),
        ("0 9 * 13 *", "month"),
        ("0 9 * * 8", "weekday"),
        ("60 9 * * *", "minute"),
        ("a b c d e", "minute"),
        ("０ 9 * * *", "minute"),
        ("5-1 9 * * *", "minute"),
        ("*/0 * * * *", "step"),
        ("0 9 31 2 *", "never fires"),
        ("0 9 30 2 *", "never fires"),
        ("0 9 31 4,6 *", "never fires"),
        ("1," * 100_000 + "1 * * * *", "too long"),
        (5, "must be text"),
    ],
)
def test_what_is_no_schedule_is_refused_with_the_field_at_fault(cron: Any, expected: str) -> None:
    with pytest.raises(ValidationError) as caught:
        CRON.validate_python(cron)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("cron", "stored"),
    [
        ("0 9 * * 1", "0 9 * * 1"),
        ("  0   9 1 * *  ", "0 9 1 * *"),
        ("*/10 8-18 * * MON-FRI", "*/10 8-18 * * MON-FRI"),
        ("0 9 29 2 *", "0 9 29 2 *"),
        ("0 9 31 2 1", "0 9 31 2 1"),
        ("0 0 L * *", "0 0 L * *"),
        ("@daily", "0 0 * * *"),
        ("@Weekly", "0 0 * * 0"),
    ],
)
def test_a_schedule_is_taken_in_five_fields(cron: str, stored: str) -> None:
    assert CRON.validate_python(cron) == stored


@given(st.text(alphabet="0123456789*/,-#LW aMON", max_size=30))
def test_any_text_is_a_schedule_that_fires_or_is_refused(text: str) -> None:
    try:
        cron = CRON.validate_python(text)
    except ValidationError:
        return
    assert next(CronSim(cron, datetime(2024, 1, 1, tzinfo=UTC)), None) is not None


@pytest.mark.parametrize("period", ["", "24", "0h", "tomorrow", "-1d", "11x", "999999999w", 24, None])
def test_what_is_no_period_is_refused(period: Any) -> None:
    assert "reports.scheduled[0].period: " in refusal("reports.scheduled", [{"name": "r", "cron": "@daily", "period": period}])


def test_a_period_is_a_length_of_time() -> None:
    report = configured("reports.scheduled", [{"name": "r", "cron": "@daily", "period": "7d"}]).reports.scheduled[0]
    assert report.length == timedelta(days=7)
