"""`reports`: what is summed up, for whom, when, and how long it is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from buildnet_cli.config.fields import ONE_OF, Between, Items, Name, PathInside, Switch, shown
from buildnet_cli.config.recipient import Destination
from buildnet_cli.config.section import Section
from buildnet_cli.config.timing import Cron, OptionalZone, Period, Zone
from buildnet_cli.duration import parse_duration


class ScheduledReport(Section):
    """A report that is made by itself."""

    name: Name = Field(description="What it is called. Required.")
    cron: Cron = Field(description='When it is made: "minute hour day month weekday", such as "0 9 * * 1". Required.')
    type: Annotated[Literal["summary", "detailed", "analytics"], ONE_OF] = Field(
        "summary", description="summary, detailed or analytics. Default: summary."
    )
    period: Period = Field("24h", description="How far it looks back: 24h, 7d, 30d. Default: 24h.")
    recipients: Items[Destination] = Field(
        (), description="Who gets it: CHANNEL:WHO, such as email:team@example.com. Default: it is only filed."
    )
    timezone: OptionalZone = Field("", description="Zone of the schedule. Default: reports.timezone.")

    @property
    def length(self) -> timedelta:
        """How far it looks back."""
        return parse_duration(self.period)


class ReportStorage(Section):
    """Where reports are kept."""

    path: PathInside = Field(
        ".buildnet/reports", description="Folder inside the project, relative to it. Default: .buildnet/reports."
    )
    retention_days: Annotated[int, Between(1, 36_500, "days")] = Field(90, description="Days a report is kept. Default: 90.")
    formats: Items[Annotated[Literal["html", "pdf", "json", "text"], ONE_OF]] = Field(
        ("html",), description="What a report is written as: html, pdf, json, text. Default: html."
    )


class Reports(Section):
    """Reports as a whole."""

    enabled: Switch = Field(True, description="Whether scheduled reports are made; those on demand always are. Default: true.")
    timezone: Zone = Field("UTC", description="Zone of schedules and of days, such as America/New_York. Default: UTC.")
    scheduled: Items[ScheduledReport] = Field((), description="Reports that are made by themselves. Default: none.")
    storage: ReportStorage = Field(default_factory=ReportStorage, description="Where reports are kept.")

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        seen: set[str] = set()
        for report in self.scheduled:
            if report.name.casefold() in seen:
                raise ValueError(f"two scheduled reports are called {shown(report.name)}; give each a name of its own")
            seen.add(report.name.casefold())
        return self

    def zone_of(self, report: ScheduledReport) -> str:
        """The zone of a report's schedule."""
        return report.timezone or self.timezone
