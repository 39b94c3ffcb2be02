"""How a package stood before its newest build: what makes a failure the first or the third, and a success the end of one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.events.model import EventDraft


@dataclass(frozen=True, slots=True)
class Standing:
    """failures: in a row, up to now. passes: successes in a row before them.

    red_since: when the first of the failures ended; None without one. fingerprint: of the newest failure.
    """

    failures: int = 0
    passes: int = 0
    red_since: datetime | None = None
    fingerprint: str = ""


def standing(newest_first: Iterable[Build]) -> Standing:
    """Of the builds of one package. Those that neither succeeded nor failed say nothing of it."""
    failures = passes = 0
    red_since: datetime | None = None
    fingerprint = ""
    for build in newest_first:
        if build.status.is_success:
            passes += 1
        elif build.status is BuildStatus.FAILED:
            if passes:
                break
            if not failures and build.error is not None:
                fingerprint = build.error.fingerprint
            failures += 1
            red_since = build.finished_at
    return Standing(failures, passes, red_since, fingerprint)


def with_standing(draft: EventDraft, build: Build, before: Standing) -> EventDraft:
    """The event of a build's end, with what only its history knows; see `messages/build` for the words made of it."""
    facts: dict[str, Any] = {}
    if draft.type == "build.failed":
        facts = {"failures": before.failures + 1, "passes_before": before.passes}
        if before.failures and build.error is not None:
            facts["is_new_error"] = build.error.fingerprint != before.fingerprint
    elif draft.type in ("build.completed", "build.cached") and before.failures:
        # What the cache had was built from other sources than those that failed: it is an end of the failure, too.
        facts = {"failures_before": before.failures}
    if facts and before.red_since is not None and build.finished_at is not None:
        facts["red_secs"] = round((build.finished_at - before.red_since).total_seconds())
    return replace(draft, payload={**draft.payload, **facts}) if facts else draft
