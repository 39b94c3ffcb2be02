"""What has been, as it goes out: the rows of each table in their wire form, for the API and for verbs without an agent."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlite_utils

from buildnet_cli.clock import from_rfc3339, to_rfc3339
from buildnet_cli.delivery.breaker import Breaker
from buildnet_cli.delivery.model import Delivery, DeliveryStatus
from buildnet_cli.errors import UsageError
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import audit
from buildnet_cli.store import breakers as breaker_rows
from buildnet_cli.store import builds as build_rows
from buildnet_cli.store import commands as command_rows
from buildnet_cli.store import deliveries as delivery_rows
from buildnet_cli.store import events as event_rows
from buildnet_cli.store.page import Page

Wire = dict[str, Any]


def events(
    db: sqlite_utils.Database,
    *,
    limit: int,
    cursor: str | None = None,
    pattern: str | None = None,
    subject: str | None = None,
    since: str | None = None,
) -> Page[Wire]:
    """Past events. Raises UsageError for a pattern, time or cursor that is none."""
    page = event_rows.page(db, pattern=_pattern(pattern), subject=subject, since=_time(since), before=cursor, limit=limit)
    return Page([event.as_wire() for event in page.items], page.next)


def deliveries(
    db: sqlite_utils.Database,
    *,
    limit: int,
    cursor: str | None = None,
    status: str | None = None,
    channel: str | None = None,
    event_id: str | None = None,
    is_failed: bool = False,
) -> Page[Wire]:
    """Deliveries and where they stand. Raises UsageError for a status or cursor that is none.

    channel: `sms`, or `webhook:Team` for one recipient. is_failed: only what was given up.
    """
    page = delivery_rows.page(
        db, status=_status(status), channel=channel, event_id=event_id, is_failed=is_failed, before=cursor, limit=limit
    )
    breakers = breaker_rows.load(db)
    return Page([_as_it_stands(delivery, breakers) for delivery in page.items], page.next)


def delivery(db: sqlite_utils.Database, id_: str) -> Wire | None:
    """One delivery with everything that was tried."""
    found = delivery_rows.find(db, id_)
    if found is None:
        return None
    return {**_as_it_stands(found, breaker_rows.load(db)), "tries": delivery_rows.attempts(db, id_)}


def builds(
    db: sqlite_utils.Database,
    *,
    limit: int,
    cursor: str | None = None,
    package: str | None = None,
    run_id: str | None = None,
    since: str | None = None,
) -> Page[Wire]:
    """Builds of any state; with a run's id, all of that run and nothing else."""
    if run_id is not None:
        return Page([build.as_wire() for build in reversed(build_rows.of_run(db, run_id))], None)
    page = build_rows.page(db, package=package, since=_time(since), before=cursor, limit=limit)
    return Page([build.as_wire() for build in page.items], page.next)


def commands(db: sqlite_utils.Database, *, limit: int, cursor: str | None = None) -> Page[Wire]:
    """Past commands, refused ones too."""
    return command_rows.page(db, before=cursor, limit=limit)


def find(db: sqlite_utils.Database, id_: str) -> tuple[str, Wire] | None:
    """What an id names, and its wire form: a build, a run, an event with its deliveries, a command or a delivery."""
    if build := build_rows.find(db, id_):
        return "build", build.as_wire()
    if run := build_rows.of_run(db, id_):
        return "run", {"id": id_, "builds": [build.as_wire() for build in run]}
    if event := event_rows.find(db, id_):
        told = delivery_rows.page(db, event_id=id_, limit=500).items
        unheard = event_rows.why_unheard(db, id_)
        return "event", {**event.as_wire(), "unheard": unheard or None, "deliveries": [delivery.as_wire() for delivery in told]}
    if command := command_rows.find(db, id_):
        return "command", command
    if found := delivery(db, id_):
        return "delivery", found
    return None


def _as_it_stands(delivery: Delivery, breakers: Mapping[Target, Breaker]) -> Wire:
    """What waits for a target that takes nothing waits for that, and not for its own turn."""
    wire, breaker = delivery.as_wire(), breakers.get(delivery.target)
    if delivery.status is DeliveryStatus.PENDING and breaker is not None and breaker.is_probing:
        wire["reason"] = f"{delivery.target} is {breaker.flow.value}: {breaker.answer}"
        moments = [moment for moment in (delivery.next_attempt_at, breaker.not_before) if moment is not None]
        wire["next_attempt_at"] = to_rfc3339(max(moments)) if moments else None
    return wire


def _pattern(text: str | None) -> Pattern | None:
    try:
        return Pattern.parse(text) if text is not None else None
    except ValueError as exc:
        raise UsageError(str(exc), where="type") from exc


def _time(text: str | None) -> datetime | None:
    try:
        return from_rfc3339(text) if text is not None else None
    except ValueError as exc:
        raise UsageError(f"{text!a} is no time", hint="write it as 2024-01-26T12:00:00Z", where="since") from exc


def _status(text: str | None) -> DeliveryStatus | None:
    try:
        return DeliveryStatus(text) if text is not None else None
    except ValueError as exc:
        raise UsageError(
            f"{text!a} is no state of a delivery", hint=f"choose {', '.join(DeliveryStatus)}", where="status"
        ) from exc


def audited(db: sqlite_utils.Database, *, limit: int, cursor: str | None = None, channel: str | None = None) -> Page[Wire]:
    """The audit's entries as the specification writes them."""
    return audit.page(db, before=cursor, limit=limit, channel=channel)
