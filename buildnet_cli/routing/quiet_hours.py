"""The quiet-hours stage: what can wait is held until the end of the night, in its own zone, also when the clocks change."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Action, Case, Reason, Stage, Verdict

PATH = ("notifications", "settings", "quiet_hours")

_DAY = timedelta(days=1)
_DAILY_AT = time(8, 0)


@dataclass(frozen=True, slots=True)
class QuietHours:
    """A part of every day, half-open; it crosses midnight if its start is later than its end.

    passes: patterns of what is sent all the same. drops: what would be held is not told at all.
    """

    start: time
    end: time
    zone: ZoneInfo
    passes: tuple[Pattern, ...] = ()
    drops: bool = False

    def end_after(self, now: datetime) -> datetime | None:
        """When the quiet hours end in which a moment lies, in UTC; None if it lies in none."""
        today = now.astimezone(self.zone).date()
        for day in (today - _DAY, today):
            last_day = day + _DAY if self.start > self.end else day
            begins, ends = _moment(day, self.start, self.zone, fold=0), _moment(last_day, self.end, self.zone, fold=1)
            if begins <= now < ends:
                return ends
        return None


def judge(
    case: Case, quiet: QuietHours | None, overriding: frozenset[Priority], now: datetime, *, daily_zone: ZoneInfo | None = None
) -> Verdict:
    """Hold what can wait.

    overriding: priorities that are sent in quiet hours too. daily_zone: where the day of a daily digest begins.
    """
    if case.is_daily and not case.priority.is_at_least(Priority.HIGH):
        return _hold_for_the_day(case, quiet, daily_zone or ZoneInfo("UTC"), now)
    if quiet is None:
        return Verdict(Reason(Stage.QUIET_HOURS, "no quiet hours", PATH))
    hours = f"quiet hours {quiet.start:%H:%M}–{quiet.end:%H:%M}"
    ends = quiet.end_after(now)
    if ends is None:
        return Verdict(Reason(Stage.QUIET_HOURS, f"outside {hours}", PATH))
    if case.priority in overriding:
        rule = ("notifications", "settings", "priorities", case.priority.value, "override_quiet_hours")
        return Verdict(Reason(Stage.QUIET_HOURS, f"{case.priority.value} is sent in {hours}", rule))
    excepted = next((pattern for pattern in quiet.passes if pattern.matches(case.event.type, case.event.priority)), None)
    if excepted is not None:
        return Verdict(Reason(Stage.QUIET_HOURS, f"its exception {excepted.text!r} passes {hours}", (*PATH, "exceptions")))
    if quiet.drops and not case.is_owed:
        return Verdict(Reason(Stage.QUIET_HOURS, f"{hours} drop {case.priority.value}", (*PATH, "action")), Action.SUPPRESS)
    local = ends.astimezone(quiet.zone)
    return Verdict(
        Reason(Stage.QUIET_HOURS, f"{hours} hold {case.priority.value} until {local:%a %H:%M} {quiet.zone.key}", PATH),
        Action.HOLD,
        ends,
    )


def _hold_for_the_day(case: Case, quiet: QuietHours | None, zone: ZoneInfo, now: datetime) -> Verdict:
    at, zone = (quiet.end, quiet.zone) if quiet is not None else (_DAILY_AT, zone)
    today = now.astimezone(zone).date()
    due = next(moment for day in (today, today + _DAY) if (moment := _moment(day, at, zone, fold=1)) > now)
    text = f"{case.target} gets one message a day, at {at:%H:%M} {zone.key}"
    return Verdict(Reason(Stage.QUIET_HOURS, text, PATH if quiet is not None else ()), Action.HOLD, due)


def _moment(day: date, at: time, zone: ZoneInfo, *, fold: int) -> datetime:
    """A time of day in UTC.

    A time that the clocks skip becomes as much later as they skip. fold: 0 for the first of two equal times, 1 for the second,
    so that a quiet night neither begins late nor ends early.
    """
    local = datetime.combine(day, at, zone)
    is_skipped = local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != local.replace(tzinfo=None)
    return local.replace(fold=0 if is_skipped else fold).astimezone(UTC)
