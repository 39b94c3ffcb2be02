"""All that a configuration says about routing, in one value: who, when, how often."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

from buildnet_cli.config.notifications import Notifications
from buildnet_cli.config.notifications import QuietHours as QuietHoursSection
from buildnet_cli.events.incident import Pairing
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.match import RoutingTable
from buildnet_cli.routing.quiet_hours import QuietHours
from buildnet_cli.routing.rate_limit import Limits


@dataclass(frozen=True, slots=True)
class Rules:
    """One configuration, as the router works by it. What is not given restricts nothing.

    default_priority: of types that nobody knows. dedup_window: nothing for repeats to be sent. overriding: priorities that are
    sent in quiet hours too. daily_zone: in which a daily digest is due. delays: how long each priority is collected.
    pairing: types that the operator named for a monitor. addresses: how each target's channel finds it.
    """

    table: RoutingTable
    default_priority: Priority = Priority.MEDIUM
    dedup_window: timedelta = timedelta()
    quiet_hours: QuietHours | None = None
    overriding: frozenset[Priority] = frozenset()
    daily_zone: ZoneInfo | None = None
    delays: Mapping[Priority, timedelta] = field(default_factory=dict)
    batch_max: int = 50
    limits: Limits = field(default_factory=Limits)
    pairing: Pairing = field(default_factory=dict)
    addresses: Mapping[Target, str] = field(default_factory=dict)

    @classmethod
    def from_config(cls, config: Notifications, table: RoutingTable, pairing: Pairing | None = None) -> Rules:
        """table: who hears of what, by the same configuration."""
        settings = config.settings
        limit = settings.rate_limit
        return cls(
            table,
            default_priority=settings.default_priority,
            dedup_window=timedelta(seconds=settings.dedup_window_secs),
            quiet_hours=_quiet_hours(settings.quiet_hours),
            overriding=frozenset(priority for priority in Priority if settings.overrides_quiet_hours(priority)),
            daily_zone=settings.quiet_hours.zone if settings.quiet_hours is not None else None,
            delays={priority: settings.delay_of(priority) for priority in Priority},
            batch_max=settings.batch_max,
            limits=Limits.of(
                limit.max_per_minute,
                limit.max_per_hour,
                limit.critical_per_minute,
                total_per_minute=limit.total.max_per_minute,
                total_per_hour=limit.total.max_per_hour,
            ),
            pairing=pairing or {},
            addresses={Target(each.channel, each.name): each.address for each in config.all_recipients()},
        )


def _quiet_hours(section: QuietHoursSection | None) -> QuietHours | None:
    if section is None or not section.enabled or section.start is None or section.end is None:
        return None
    return QuietHours(
        section.start,
        section.end,
        section.zone,
        passes=tuple(Pattern.parse(text) for text in section.exceptions),
        drops=section.action == "drop",
    )
