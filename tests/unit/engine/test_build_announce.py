from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from buildnet_cli.engine.model import Build, BuildError, BuildStatus, Tier
from buildnet_cli.engine.queueing import announce
from buildnet_cli.events.model import EventDraft, read_draft
from tests.support.builds import build
from tests.support.clocks import START

RAN = replace(build(), started_at=START, finished_at=START + timedelta(seconds=8.2), tier=Tier.FULL_BUILD)
ERROR = BuildError("C/C++ compilation failed: 'nam' undeclared", "src/greet.c", 6, "Review src/greet.c:6", "tail", "f00d")


def ended(status: BuildStatus, reason: str = "", error: BuildError | None = None) -> Build:
    return replace(RAN, status=status, reason=reason, error=error)


DRAFTS = [
    (
        announce.queued(build(), position=3, estimated_start=None, waiting=5),
        "build.queued",
        "api queued #3, asked for by cli",
    ),
    (
        announce.queued(build(), position=3, estimated_start=START + timedelta(seconds=72), waiting=5),
        "build.queued",
        "api queued #3, begins in about 1m 12s, asked for by cli",
    ),
    (
        announce.queued(build(), position=1, estimated_start=START, waiting=1),
        "build.queued",
        "api queued #1, begins now, asked for by cli",
    ),
    (announce.started(RAN), "build.started", "api started, asked for by cli"),
    (announce.completed(ended(BuildStatus.COMPLETED), median_secs=None), "build.completed", "api ok in 8.2s"),
    (
        announce.completed(ended(BuildStatus.COMPLETED), median_secs=7.9),
        "build.completed",
        "api ok in 8.2s (usually 7.9s)",
    ),
    (
        announce.failed(ended(BuildStatus.FAILED, "exit", ERROR), median_secs=None, skipped=["ui", "release"]),
        "build.failed",
        "api FAILED: C/C++ compilation failed: 'nam' undeclared at src/greet.c:6; not built because of it: ui, release",
    ),
    (announce.cancelled(ended(BuildStatus.CANCELLED, "cancelled")), "build.cancelled", "api cancelled after 8.2s"),
    (
        announce.cancelled(replace(ended(BuildStatus.CANCELLED, "cancelled"), cancelled_by="sms:DevOps Lead"), waiting=2),
        "build.cancelled",
        "api cancelled after 8.2s by sms:DevOps Lead",
    ),
    (
        announce.cancelled(replace(build(), finished_at=START, reason="removed")),
        "build.cancelled",
        "api cancelled before it began, because the package is gone",
    ),
]


@pytest.mark.parametrize(("draft", "type_", "message"), DRAFTS)
def test_each_event_says_in_words_what_happened(draft: EventDraft, type_: str, message: str):
    assert (draft.type, draft.message, draft.subject, draft.source) == (type_, message, "api", "engine")


@pytest.mark.parametrize("draft", [draft for draft, *_ in DRAFTS])
def test_each_event_carries_the_build_as_scripts_see_it(draft: EventDraft):
    assert draft.payload["id"] == "build_1"
    assert draft.payload["requested_by"] == "cli"
    read_draft({"type": draft.type, "payload": dict(draft.payload)})


def test_a_failure_carries_its_error_and_whom_it_stops():
    draft = announce.failed(ended(BuildStatus.FAILED, "exit", ERROR), median_secs=7.9, skipped=["ui"])
    assert draft.payload["error"] == ERROR.as_wire()
    assert draft.payload["skipped"] == ["ui"]
    assert draft.payload["median_ms"] == 7900
    assert draft.timestamp == RAN.finished_at


def test_what_enters_or_leaves_the_queue_says_how_much_waits():
    assert announce.queued(build(), position=3, estimated_start=None, waiting=5).payload["queue_depth"] == 5
    assert announce.started(RAN, waiting=4).payload["queue_depth"] == 4
    told = announce.cancelled(replace(RAN, cancelled_by="sms:DevOps Lead"), waiting=0)
    assert (told.payload["cancelled_by"], told.payload["queue_depth"]) == ("sms:DevOps Lead", 0)


def test_what_was_never_in_our_queue_says_nothing_of_it():
    assert "queue_depth" not in announce.started(RAN).payload
    assert "queue_depth" not in announce.cancelled(RAN).payload
