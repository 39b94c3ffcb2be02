"""Rows of events, builds and commands: what goes in comes out, and pages are cut where they should be."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.commands.audit import Flaw, Request, verify
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.engine.model import Build, BuildError, BuildStatus, Tier
from buildnet_cli.errors import NotFoundError, UsageError
from buildnet_cli.events.bus import EventBus
from buildnet_cli.events.model import EventDraft
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.store import audit, builds, commands, events
from buildnet_cli.store.builds import StoredBuilds
from buildnet_cli.store.commands import StoredCommands
from buildnet_cli.store.intake import StoredIntake
from buildnet_cli.store.migrations import SCHEMA_VERSION, migrations
from tests.support.clocks import START, FakeClock
from tests.support.commands import FixedSeals
from tests.support.deliveries import CI, a_router, an_acceptance, an_event
from tests.support.stores import MemoryStore, memory_database


def test_the_schema_version_counts_the_migrations() -> None:
    assert len(migrations.applied(memory_database())) == SCHEMA_VERSION


def fill(store: MemoryStore, *given: tuple[str, Priority, str]) -> list[str]:
    ids = []
    for number, (event_type, priority, subject) in enumerate(given):
        event = an_event(subject, type=event_type, priority=priority, message=str(number))
        events.insert(store.db, event, accepted_at=START + timedelta(minutes=number), unheard="", key="")
        ids.append(event.id)
    return ids


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def texts(page: events.Page) -> list[str]:
    return [event.message for event in page.items]


MIXED = (
    ("build.failed", Priority.HIGH, "api"),
    ("build.queue.critical", Priority.HIGH, "host"),
    ("resource.disk.low", Priority.CRITICAL, "/"),
    ("build.started", Priority.LOW, "ui"),
)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("*", ["3", "2", "1", "0"]),
        ("build.*", ["3", "1", "0"]),
        ("*.failed", ["0"]),
        ("build.failed", ["0"]),
        ("*.critical", ["2", "1"]),
        ("*.low", ["3", "2"]),
        ("custom.*", []),
    ],
)
def test_events_are_found_by_the_patterns_that_route_them(store: MemoryStore, pattern: str, expected: list[str]) -> None:
    fill(store, *MIXED)
    assert texts(events.page(store.db, pattern=Pattern.parse(pattern))) == expected


def test_events_are_found_by_priority_subject_and_time(store: MemoryStore) -> None:
    fill(store, *MIXED)
    assert texts(events.page(store.db, priority=Priority.HIGH)) == ["1", "0"]
    assert texts(events.page(store.db, subject="ui")) == ["3"]
    assert texts(events.page(store.db, since=START + timedelta(minutes=2))) == ["3", "2"]
    assert texts(events.page(store.db, since=START + timedelta(days=1))) == []


@given(st.integers(0, 25), st.integers(1, 9))
def test_pages_hold_every_row_once_and_newest_first(count: int, limit: int) -> None:
    store = MemoryStore()
    fill(store, *[("custom.note", Priority.LOW, "x")] * count)
    seen, cursor = [], None
    while True:
        page = events.page(store.db, before=cursor, limit=limit)
        assert len(page.items) <= limit
        seen += texts(page)
        cursor = page.next
        if cursor is None:
            break
    assert seen == [str(number) for number in reversed(range(count))]


@pytest.mark.parametrize("cursor", ["", "-1", "1.5", "x", "٣", "9" * 30, "1 OR 1=1"])
def test_a_cursor_that_is_none_of_ours_is_refused(store: MemoryStore, cursor: str) -> None:
    with pytest.raises(UsageError, match="cursor"):
        events.page(store.db, before=cursor)


def test_a_listener_that_lost_its_place_reads_on_from_there(store: MemoryStore) -> None:
    ids = fill(store, *MIXED)
    place = events.place_of(store.db, ids[1])
    assert [event.message for _, event in events.after_place(store.db, place=place, limit=10)] == ["2", "3"]
    assert [event.message for _, event in events.after_place(store.db, place=place, limit=1)] == ["2"]
    assert events.after_place(store.db, place=events.place_of(store.db, None), limit=10) == []
    with pytest.raises(UsageError, match="no event evt_unknown"):
        events.place_of(store.db, "evt_unknown")


def test_an_event_that_is_not_there_is_said_to_be_so(store: MemoryStore) -> None:
    assert events.find(store.db, "evt_x") is None
    with pytest.raises(NotFoundError):
        events.get(store.db, "evt_x")


def test_why_nobody_hears_is_kept_with_the_event(store: MemoryStore) -> None:
    event = an_event()
    events.insert(store.db, event, accepted_at=START, unheard="no recipient", key="")
    assert events.why_unheard(store.db, event.id) == "no recipient"


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=4), st.text(st.characters(exclude_categories=["Cs"])))
def test_an_event_comes_back_as_it_was_stored(payload: dict[str, object], message: str) -> None:
    store = MemoryStore()
    event = an_event(message=message, payload=payload)
    events.insert(store.db, event, accepted_at=START, unheard="", key="")
    assert events.get(store.db, event.id) == event


# Builds


@pytest.fixture
def recorder(store: MemoryStore) -> StoredBuilds:
    clock = FakeClock()
    ingest = Ingest(StoredIntake(store, clock), EventBus(), clock, a_router(CI), wake=lambda: None)
    return StoredBuilds(store, ingest)


def a_build(
    package: str = "api", status: BuildStatus = BuildStatus.QUEUED, *, secs: float | None = None, **fields: object
) -> Build:
    end = START + timedelta(seconds=secs) if secs is not None else None
    values = {"started_at": START if secs is not None else None, "finished_at": end, **fields}
    return Build(new_id("build"), "run_1", package, status, "cli", START, **values)


async def test_a_build_comes_back_as_it_was_recorded(recorder: StoredBuilds, store: MemoryStore) -> None:
    error = BuildError("no such header", "src/a.c", 3, "install it", "a.c:3: fatal", "f1")
    build = a_build(status=BuildStatus.FAILED, secs=2, tier=Tier.FULL_BUILD, reason="exit", exit_code=1, error=error)
    await recorder.record([build])
    assert builds.find(store.db, build.id) == build
    waiting = a_build(is_forced=True)
    await recorder.record([waiting])
    assert builds.find(store.db, waiting.id) == waiting
    ended = replace(waiting, status=BuildStatus.CANCELLED, reason="cancelled", cancelled_by="sms:Dana", finished_at=START)
    await recorder.record([ended])
    assert builds.find(store.db, waiting.id) == ended


async def test_a_build_and_its_events_are_stored_together(recorder: StoredBuilds, store: MemoryStore) -> None:
    build = a_build()
    await recorder.record([build], [EventDraft("build.queued", "api queued", subject="api")])
    (event,) = events.page(store.db).items
    assert (event.type, event.source) == ("build.queued", "engine")
    assert [each.id for each in await recorder.unfinished()] == [build.id]


async def test_a_refused_event_leaves_no_build(recorder: StoredBuilds, store: MemoryStore) -> None:
    store.db.execute("CREATE TRIGGER full BEFORE INSERT ON events BEGIN SELECT raise(ABORT, 'full'); END")
    with pytest.raises(Exception, match="full"):
        await recorder.record([a_build()], [EventDraft("build.queued")])
    assert await recorder.recent(limit=5) == []


async def test_a_build_is_changed_in_its_place(recorder: StoredBuilds, store: MemoryStore) -> None:
    first, second = a_build("api"), a_build("ui")
    await recorder.record([first, second])
    done = Build(first.id, "run_1", "api", BuildStatus.COMPLETED, "cli", START, START, START, Tier.FULL_BUILD)
    await recorder.record([done])
    assert [build.package for build in await recorder.unfinished()] == ["ui"]
    assert builds.of_run(store.db, "run_1") == [done, second]


async def test_the_median_counts_only_builds_that_really_ran_and_succeeded(recorder: StoredBuilds) -> None:
    await recorder.record(
        [
            *(a_build(status=BuildStatus.COMPLETED, secs=secs, tier=Tier.FULL_BUILD) for secs in (1, 3, 100)),
            a_build(status=BuildStatus.FAILED, secs=500),
            a_build(status=BuildStatus.COMPLETED, secs=0.1, tier=Tier.CACHE_RESTORE),
            a_build("ui", status=BuildStatus.COMPLETED, secs=9),
        ]
    )
    assert await recorder.median_duration_secs("api") == 3
    assert await recorder.median_duration_secs("docs") is None


# Commands


def a_request(command: str = "STATUS", *, id_: str = "req_1") -> Request:
    return Request(id_, to_rfc3339(START), command, "api", "ci-key", address="203.0.113.9", agent="curl/8")


async def test_a_command_is_executing_until_it_is_finished(store: MemoryStore) -> None:
    log = StoredCommands(store, FixedSeals())
    await log.begin(a_request(), "ci")
    (row,) = commands.page(store.db).items
    entry = {"request_id": "req_1", "command": "STATUS", "channel": "api", "principal": "ci", "timestamp": to_rfc3339(START)}
    assert row == {**entry, "status": "executing", "finished_at": None, "result": {}, "message": ""}
    await log.finish("req_1", command="STATUS", status="executed", result={"n": 1}, message="fine", finished_at=START)
    assert commands.find(store.db, "req_1") == {
        **entry, "status": "executed", "finished_at": to_rfc3339(START), "result": {"n": 1}, "message": "fine"
    }  # fmt: skip


async def test_a_command_that_is_no_text_leaves_its_rows_all_the_same(store: MemoryStore) -> None:
    seals = FixedSeals()
    log = StoredCommands(store, seals)
    await log.begin(a_request("BUILD \ud800"), "ci")
    await log.finish(
        "req_1", command="BUILD \ud800", status="failed", result={"package": "\udfff"}, message="no \ud800", finished_at=START
    )
    row = commands.find(store.db, "req_1")
    assert row is not None
    assert (row["command"], row["result"], row["message"]) == ("BUILD ?", {"package": "?"}, "no ?")
    assert verify(seals.key(), audit.entries(store.db), seals.anchor) is None


async def test_the_same_request_is_not_begun_twice(store: MemoryStore) -> None:
    log = StoredCommands(store, FixedSeals())
    await log.begin(a_request("STOP"), "ci")
    with pytest.raises(Exception, match="UNIQUE"):
        await log.begin(a_request("STOP"), "ci")


async def test_a_message_from_outside_is_acted_on_once(store: MemoryStore) -> None:
    log = StoredCommands(store, FixedSeals())
    assert await log.begin(a_request(), "ci", "SM1")
    assert not await log.begin(a_request(id_="req_2"), "ci", "SM1")
    assert await log.begin(a_request(id_="req_3"), "ci", "SM2")
    assert [row["request_id"] for row in commands.page(store.db).items] == ["req_3", "req_1"]


async def test_every_attempt_has_its_entry_in_the_audit(store: MemoryStore) -> None:
    seals = FixedSeals()
    log = StoredCommands(store, seals)
    await log.begin(a_request("build api"), "ci")
    assert verify(seals.key(), audit.entries(store.db), None, executing=audit.executing(store.db)) is not None  # no anchor yet
    await log.finish(
        "req_1", command="BUILD api", status="accepted", result={"build_id": "build_1"}, message="queued", finished_at=START
    )
    await log.reject(a_request("?", id_="req_2"), "forged")
    await log.begin(a_request("STOP", id_="req_3"), "ci")
    rejected, done = audit.page(store.db).items[1:]
    assert (done["command"], done["event_type"], done["result"]) == (
        "BUILD api",
        "command.executed",
        {"status": "success", "build_id": "build_1"},
    )
    assert (done["ip_address"], done["user_agent"]) == ("203.0.113.9", "curl/8")
    assert (rejected["event_type"], rejected["result"]) == ("command.rejected", {"status": "rejected", "reason": "forged"})
    assert verify(seals.key(), audit.entries(store.db), seals.anchor, executing=audit.executing(store.db)) is None
    await log.interrupt_unfinished(START)
    assert audit.page(store.db, limit=1).items[0]["result"] == {"status": "interrupted"}
    assert verify(seals.key(), audit.entries(store.db), seals.anchor) is None


@pytest.mark.parametrize(
    ("tampering", "seq"),
    [
        ("UPDATE audit SET command = 'STATUS' WHERE seq = 2", 2),
        ("UPDATE audit SET result = 'x' WHERE seq = 2", 2),
        ("UPDATE audit SET result = '[]', end_seal = '' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 3),
        ("DELETE FROM audit WHERE seq > 2", 3),
        ("DELETE FROM audit", 1),
    ],
)
async def test_what_is_done_to_the_rows_of_the_audit_is_found(store: MemoryStore, tampering: str, seq: int) -> None:
    seals = FixedSeals()
    log = StoredCommands(store, seals)
    for number in range(1, 5):
        await log.begin(a_request("STOP", id_=f"req_{number}"), "ci")
        await log.finish(f"req_{number}", command="STOP", status="denied", result={}, message="no", finished_at=START)
    store.db.execute(tampering)
    flaw = verify(seals.key(), audit.entries(store.db), seals.anchor)
    assert flaw is not None
    assert flaw.seq == seq


async def denied(log: StoredCommands, *ids: str) -> None:
    for id_ in ids:
        await log.begin(a_request("STOP", id_=id_), "ci")
        await log.finish(id_, command="STOP", status="denied", result={}, message="no", finished_at=START)


@pytest.mark.parametrize("kept", [0, 1, 3])
@pytest.mark.parametrize("is_restarted", [True, False])
async def test_no_later_command_covers_up_what_was_cut_off(store: MemoryStore, kept: int, is_restarted: bool) -> None:
    seals = FixedSeals()
    log = StoredCommands(store, seals)
    await denied(log, "req_1", "req_2", "req_3", "req_4")
    store.db.execute(f"DELETE FROM audit WHERE seq > {kept}")
    await denied(StoredCommands(store, seals) if is_restarted else log, "req_5", "req_6")
    flaw = verify(seals.key(), audit.entries(store.db), seals.anchor)
    assert flaw == Flaw(kept + 1, f"when it was written, entries {kept + 1} to 4 had been cut off")
    assert audit.count(store.db) == kept + 1 + 2, "it is noted once"


async def test_no_later_command_covers_up_that_the_anchor_was_removed(store: MemoryStore) -> None:
    seals = FixedSeals()
    await denied(StoredCommands(store, seals), "req_1", "req_2")
    seals.anchor = None
    await denied(StoredCommands(store, seals), "req_3")
    flaw = verify(seals.key(), audit.entries(store.db), seals.anchor)
    assert flaw is not None
    assert (flaw.seq, "the anchor was gone" in flaw.reason) == (3, True)


async def test_a_chain_that_a_mishap_ended_begins_anew_and_says_so(store: MemoryStore) -> None:
    seals = FixedSeals()
    await denied(StoredCommands(store, seals), "req_1", "req_2")
    store.db.execute("DELETE FROM audit")
    log = StoredCommands(store, seals, "the database was damaged")
    await log.note_mishap(START)
    await denied(log, "req_3")
    assert verify(seals.key(), audit.entries(store.db), seals.anchor) is None
    (entry,) = audit.restarts(store.db)
    reason = "the database was damaged; of the audit, entries 1 to 2 had been cut off"
    assert (entry.seq, entry.result["reason"]) == (1, reason)


async def test_a_mishap_that_cost_the_audit_nothing_is_no_restart(store: MemoryStore) -> None:
    seals = FixedSeals()
    await StoredCommands(store, seals, "the database was damaged").note_mishap(START)
    assert seals.anchor is None
    await denied(StoredCommands(store, seals), "req_1")
    await StoredCommands(store, seals, "the log is missing").note_mishap(START)
    assert audit.count(store.db) == 1


async def test_a_command_from_before_there_was_an_audit_is_closed_all_the_same(store: MemoryStore) -> None:
    log = StoredCommands(store, FixedSeals())
    await log.begin(a_request(), "ci")
    store.db.execute("DELETE FROM audit")
    await log.interrupt_unfinished(START)
    assert commands.page(store.db).items[0]["status"] == "interrupted"


def test_an_acceptance_needs_no_delivery(store: MemoryStore) -> None:
    from buildnet_cli.store.outbox import accept

    given = an_acceptance()
    assert accept(store.db, [given], START) == [given]
