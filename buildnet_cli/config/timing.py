"""When something is to happen: times of day, time zones, cron schedules, periods."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time, timedelta
from typing import Annotated, Any
from zoneinfo import ZoneInfo, available_timezones

from cronsim import CronSim, CronSimError
from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from buildnet_cli.config.fields import as_text, did_you_mean, flaw_in, shown
from buildnet_cli.duration import parse_duration

_HH_MM = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]"
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(?:/[A-Za-z0-9_+-]+)*")
_LONGEST_ZONE = 64
_LONGEST_CRON = 200
_LONGEST_PERIOD = timedelta(days=3660)
_MACROS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
# A fixed day to look ahead from, so that the answer does not depend on when it is asked; cronsim looks 50 years ahead.
_EPOCH = datetime(2024, 1, 1, tzinfo=UTC)


def _as_time_of_day(value: Any) -> time:
    if isinstance(value, time):
        return value
    if not isinstance(value, str) or not re.fullmatch(_HH_MM, value):
        raise ValueError(f'{shown(value)} is no time of day: write it in quotes as HH:MM, such as "22:00"')
    return time.fromisoformat(value)


TimeOfDay = Annotated[
    time,
    BeforeValidator(_as_time_of_day),
    PlainSerializer(lambda value: f"{value:%H:%M}", return_type=str),
    WithJsonSchema({"type": "string", "pattern": f"^{_HH_MM}$", "examples": ["22:00"]}),
]
"""Minutes of a day, in the section's zone."""


def _as_zone(value: Any) -> str:
    name = as_text(value)
    if flaw := flaw_in(name):
        raise ValueError(f"{shown(name)} holds {flaw}; a time zone is a name such as Europe/Berlin")
    if len(name) > _LONGEST_ZONE or not _ZONE.fullmatch(name) or not _is_zone(name):
        known = {zone for zone in available_timezones() if zone != "localtime" and not zone.startswith(("posix/", "right/"))}
        near = did_you_mean(name, known) if len(name) <= _LONGEST_ZONE else ""
        raise ValueError(f"{shown(name)} is no time zone{near or '; write a name such as Europe/Berlin or UTC'}")
    return name


def _is_zone(name: str) -> bool:
    # zoneinfo answers a folder, a file that is no zone and an overlong name with whatever the system said about it.
    try:
        ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        return False
    return True


Zone = Annotated[str, BeforeValidator(_as_zone)]
"""An IANA time zone, such as `America/New_York`."""
OptionalZone = Annotated[str, BeforeValidator(lambda value: value if value == "" else _as_zone(value))]


def _as_cron(value: Any) -> str:
    text = as_text(value)
    if len(text) > _LONGEST_CRON:
        raise ValueError(f"this schedule is too long: {len(text)} characters, at most {_LONGEST_CRON} are taken")
    expression = " ".join(_MACROS.get(text.strip().lower(), text).split())
    if expression.count(" ") != 4:
        raise ValueError(f'{shown(text)} is no schedule: it needs 5 fields, "minute hour day month weekday", such as "0 9 * * 1"')
    if re.search(r"/0+(?![0-9])", expression):
        raise ValueError(f"{shown(text)}: a step must be 1 or more")
    flaw = _first_flaw(expression)
    if flaw == "day" and not _first_flaw(_with_any_month(expression)):
        flaw = "never"
    if not flaw and next(CronSim(expression, _EPOCH), None) is None:
        flaw = "never"
    if flaw == "never":
        raise ValueError(f"{shown(text)} never fires: no such day comes in the next 50 years")
    if flaw:
        raise ValueError(f'{shown(text)}: its {flaw} cannot be read; the fields are "minute hour day month weekday"')
    return expression


def _first_flaw(expression: str) -> str:
    """The name of the first field that is wrong; empty if all are right."""
    try:
        CronSim(expression, _EPOCH)
    except CronSimError as exc:
        return {"day-of-month": "day", "day-of-week": "weekday"}.get(name := str(exc).removeprefix("Bad "), name)
    return ""


def _with_any_month(expression: str) -> str:
    minute, hour, day, _, weekday = expression.split()
    return f"{minute} {hour} {day} * {weekday}"


Cron = Annotated[str, BeforeValidator(_as_cron)]
"""Five fields, as in cron; `@daily` and its like are turned into them."""


def _as_period(value: Any) -> str:
    text = as_text(value)
    length = parse_duration(text)
    if not timedelta(0) < length <= _LONGEST_PERIOD:
        raise ValueError(f"{shown(text)} is no period: it must be more than nothing and at most 10 years, such as 24h or 7d")
    return text


Period = Annotated[str, BeforeValidator(_as_period)]
"""How far back a report looks: `24h`, `7d`, `30d`."""
