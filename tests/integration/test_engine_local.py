"""The local engine with real shells, gcc and Python; only its rows are kept in memory."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from buildnet_cli import redact
from buildnet_cli.clock import SystemClock
from buildnet_cli.engine.local.engine import LocalEngine
from buildnet_cli.engine.local.work import LOG_NAME
from buildnet_cli.engine.model import Build, BuildStatus, Tier
from buildnet_cli.engine.project import Project, load_project
from buildnet_cli.errors import ConflictError, NotFoundError, StorageError, UnreachableError
from buildnet_cli.events.model import EventDraft
from buildnet_cli.process.spawn import child_environment, group_is_alive
from tests.support.builds import MemoryRecorder, build, project
from tests.support.caches import Kept
from tests.support.waiting import until

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "monorepo"

Running = Callable[[Project], AbstractAsyncContextManager[LocalEngine]]


@pytest.fixture
def rows() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture
def running(rows: MemoryRecorder, tmp_path: Path) -> Running:
    @asynccontextmanager
    async def run(made: Project) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(
            made,
            rows,
            cache=Kept(tmp_path / "cache").cache,
            clock=SystemClock(),
            logs=tmp_path / "builds",
            environment=child_environment(os.environ),
            grace_secs=0.2,
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.shutdown()

    return run


def log_of(tmp_path: Path, build_id: str) -> str:
    return (tmp_path / "builds" / build_id / LOG_NAME).read_text(encoding="utf-8")


def number_in(path: Path) -> int:
    """What a build has written there; 0 as long as it has not."""
    text = path.read_text() if path.exists() else ""
    return int(text) if text.endswith("\n") else 0


async def pid_in(path: Path) -> int:
    """The process id that a build writes there."""
    await until(lambda: number_in(path) > 0)
    return number_in(path)


async def test_the_example_builds_and_a_broken_c_file_is_told_with_its_line(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    root = tmp_path / "monorepo"
    shutil.copytree(EXAMPLE, root)
    async with running(load_project(root, Path(".buildnet/config.json"))) as engine:
        await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
        assert {row.package: row.status for row in rows.rows.values()} == dict.fromkeys(
            ("libgreet", "greet", "pytools", "release"), BuildStatus.COMPLETED
        )
        assert (root / "release" / "build" / "release.tar.gz").exists()

        source = root / "libgreet" / "src" / "greet.c"
        source.write_text(source.read_text().replace("greeting, name", "greting, name"))
        await engine.enqueue("release", requested_by="cli")
        await rows.until_finished()
    failed = rows.newest("libgreet")
    assert failed.status is BuildStatus.FAILED
    assert (failed.reason, failed.exit_code, failed.tier) == ("exit", 1, Tier.SMART_INCREMENTAL)
    assert failed.why is not None
    assert failed.why.changed == ("libgreet/src/greet.c",)
    assert failed.error is not None
    assert failed.error.headline.startswith("C/C++ compilation failed: ")
    assert (failed.error.file, failed.error.line) == ("libgreet/src/greet.c", 8)
    assert failed.error.suggestion == "Review libgreet/src/greet.c:8"
    assert "greting" in failed.error.tail
    assert rows.newest("greet").status is BuildStatus.SKIPPED
    assert rows.newest("pytools").status is BuildStatus.CACHED


async def test_every_state_is_a_row_with_its_event(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "true"})) as engine:
        ticket = await engine.enqueue("api", requested_by="sms:DevOps Lead")
        await rows.until_finished()
    assert [row.status for row in rows.history] == [BuildStatus.QUEUED, BuildStatus.RUNNING, BuildStatus.COMPLETED]
    assert rows.event_types("api") == ["build.queued", "build.started", "build.completed"]
    assert ticket.as_result()["build_id"] == rows.history[0].id
    assert ticket.position == 1
    assert ticket.estimated_start is not None
    final = rows.history[-1]
    assert (final.requested_by, final.exit_code) == ("sms:DevOps Lead", 0)
    assert final.duration is not None


async def test_a_build_sees_its_folder_and_no_input(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "pwd; cat; echo end >&2"})) as engine:
        ticket = await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    assert log_of(tmp_path, ticket.builds[0].id) == f"{tmp_path}\nend\n"


async def test_a_python_failure_is_told_with_its_line(tmp_path: Path, rows: MemoryRecorder, running: Running):
    (tmp_path / "tool.py").write_text("import sys\n\nraise RuntimeError('no database')\n")
    async with running(project(tmp_path, {"api": "python3 tool.py"})) as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    error = rows.newest("api").error
    assert error is not None
    assert (error.headline, error.file, error.line) == ("Python error: RuntimeError: no database", "tool.py", 3)


async def test_a_missing_folder_fails_the_build_and_says_so(tmp_path: Path, rows: MemoryRecorder, running: Running):
    (tmp_path / "root").mkdir()
    async with running(project(tmp_path / "root", {"api": "true"})) as engine:
        (tmp_path / "root").rmdir()
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    row = rows.newest("api")
    assert row.status is BuildStatus.FAILED
    assert row.error is not None
    assert row.error.headline == "Command not started in .: no such file or directory"


async def test_dependencies_come_first_and_what_is_independent_runs_at_the_same_time(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    # Each of the two waits for the other's file: only together can they end.
    meet = "touch {0}; for i in $(seq 200); do test -e {1} && exit 0; sleep 0.02; done; exit 1"
    commands = {"lib": "echo lib > lib", "a": meet.format("a", "b"), "b": meet.format("b", "a"), "app": "cat lib a b"}
    async with running(project(tmp_path, commands, a="lib", b="lib", app="a b")) as engine:
        await engine.enqueue("app", requested_by="cli")
        await rows.until_finished()
    assert {row.status for row in rows.rows.values()} == {BuildStatus.COMPLETED}
    starts = [row.package for row in rows.history if row.status is BuildStatus.RUNNING]
    assert (starts[0], starts[-1]) == ("lib", "app")


async def test_no_more_builds_run_at_once_than_the_project_allows(tmp_path: Path, rows: MemoryRecorder, running: Running):
    commands = dict.fromkeys("abcdef", "sleep 0.05")
    async with running(project(tmp_path, commands, limit=2)) as engine:
        await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
    now = most = 0
    for row in rows.history:
        now += {BuildStatus.RUNNING: 1, BuildStatus.COMPLETED: -1}.get(row.status, 0)
        most = max(most, now)
    assert most == 2


async def test_one_package_is_never_built_twice_at_once(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "mkdir lock && sleep 0.1 && rmdir lock"})) as engine:
        first = await engine.enqueue("api", requested_by="cli")
        await rows.until_running("api")
        second = await engine.enqueue("api", requested_by="cli")
        third = await engine.enqueue("api", requested_by="http")
        await rows.until_finished()
    assert first.run_id != second.run_id
    assert second.run_id == third.run_id, "the same request, while it waits, is one build"
    assert [row.status for row in rows.rows.values()] == [BuildStatus.COMPLETED] * 2


async def test_dependents_of_a_failure_are_skipped_with_the_reason_and_the_rest_goes_on(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    commands = {"lib": "exit 3", "api": "true", "app": "true", "docs": "true"}
    async with running(project(tmp_path, commands, api="lib", app="api docs")) as engine:
        await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
    assert {row.package: (row.status, row.reason) for row in rows.rows.values()} == {
        "lib": (BuildStatus.FAILED, "exit"),
        "api": (BuildStatus.SKIPPED, "dependency"),
        "app": (BuildStatus.SKIPPED, "dependency"),
        "docs": (BuildStatus.COMPLETED, ""),
    }
    skipped = rows.newest("app").error
    assert skipped is not None
    assert skipped.headline == "Not built, because lib failed"
    event = next(event for event in rows.events if event.type == "build.failed")
    assert event.message.endswith("not built because of it: api, app")
    assert event.payload["skipped"] == ["api", "app"]


async def test_a_running_build_is_cancelled_with_its_whole_group_and_its_dependents(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    commands = {"lib": "echo $$ > pid; sleep 60 & sleep 60", "api": "true"}
    async with running(project(tmp_path, commands, api="lib")) as engine:
        await engine.enqueue("api", requested_by="cli")
        pid = await pid_in(tmp_path / "pid")
        running_build = await rows.until_running("lib")
        ended = await engine.cancel(running_build.id, requested_by="cli")
        assert {(row.package, row.status) for row in ended} == {
            ("lib", BuildStatus.CANCELLED),
            ("api", BuildStatus.CANCELLED),
        }
        assert not group_is_alive(pid)
        assert (await engine.status()).running == ()
    assert rows.newest("lib").reason == "cancelled"
    assert rows.event_types("lib")[-1] == "build.cancelled"
    assert rows.event_types("api") == ["build.queued", "build.cancelled"]


async def test_a_child_that_ignores_term_is_killed_after_the_grace(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "trap '' TERM; echo $$ > pid; while :; do sleep 1; done"})) as engine:
        await engine.enqueue("api", requested_by="cli")
        pid = await pid_in(tmp_path / "pid")
        (row,) = await engine.cancel("api", requested_by="cli")
    assert (row.status, row.exit_code) == (BuildStatus.CANCELLED, 137)
    assert not group_is_alive(pid)


async def test_a_queued_build_is_cancelled_without_ever_starting(tmp_path: Path, rows: MemoryRecorder, running: Running):
    commands = {"first": "sleep 60", "second": "touch ran", "third": "true"}
    async with running(project(tmp_path, commands, limit=1, third="second")) as engine:
        await engine.enqueue("first", requested_by="cli")
        ticket = await engine.enqueue("third", requested_by="cli")
        assert ticket.position == 1
        assert ticket.estimated_start is None, "nobody knows how long the first takes"
        ended = await engine.cancel(ticket.run_id, requested_by="cli")
        assert [(row.package, row.status, row.started_at) for row in ended] == [
            ("second", BuildStatus.CANCELLED, None),
            ("third", BuildStatus.CANCELLED, None),
        ]
        await engine.cancel("first", requested_by="cli")
    assert not (tmp_path / "ran").exists()


async def test_position_and_start_are_estimated_from_earlier_builds(tmp_path: Path, rows: MemoryRecorder, running: Running):
    rows.medians = {"a": 30.0, "b": 20.0}
    async with running(project(tmp_path, {"a": "sleep 60", "b": "sleep 60", "c": "true"}, limit=1)) as engine:
        await engine.enqueue("a", requested_by="cli")
        begun = await rows.until_running("a")
        await engine.enqueue("b", requested_by="cli")
        ticket = await engine.enqueue("c", requested_by="cli")
        assert ticket.position == 2
        assert ticket.estimated_start is not None
        assert begun.started_at is not None
        assert 45 < (ticket.estimated_start - begun.started_at).total_seconds() < 55


async def test_what_is_not_there_or_over_cannot_be_cancelled(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "true"})) as engine:
        ticket = await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
        with pytest.raises(ConflictError, match="is finished: api completed"):
            await engine.cancel(ticket.builds[0].id, requested_by="cli")
        with pytest.raises(NotFoundError, match="no build of 'api' is queued or running"):
            await engine.cancel("api", requested_by="cli")
        with pytest.raises(NotFoundError) as caught:
            await engine.cancel("apu", requested_by="cli")
        assert caught.value.hint == "did you mean 'api'?"


async def test_an_unknown_package_is_refused_with_the_nearest_name(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "true"})) as engine:
        with pytest.raises(NotFoundError) as caught:
            await engine.enqueue("appi", requested_by="cli")
    assert (caught.value.message, caught.value.hint) == ("there is no package 'appi'", "did you mean 'api'?")
    assert rows.history == []


async def test_a_build_that_takes_too_long_is_ended_with_its_whole_group(tmp_path: Path, rows: MemoryRecorder, running: Running):
    command = "echo working; echo $$ > pid; (trap '' TERM; sleep 60) & sleep 60"
    async with running(project(tmp_path, {"api": command}, timeout_secs=0.3)) as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    row = rows.newest("api")
    assert (row.status, row.reason) == (BuildStatus.FAILED, "timeout")
    assert row.error is not None
    assert row.error.headline == "Timed out after 0.3s"
    assert row.error.tail == "working"
    assert not group_is_alive(int((tmp_path / "pid").read_text()))


async def test_a_build_that_a_signal_ends_says_which(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "kill -9 $$"})) as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    row = rows.newest("api")
    assert (row.status, row.reason, row.exit_code) == (BuildStatus.FAILED, "signal", 137)
    assert row.error is not None
    assert row.error.headline == "Killed: ended by SIGKILL"


async def test_a_log_keeps_its_beginning_and_its_end(tmp_path: Path, rows: MemoryRecorder, running: Running):
    command = "echo beginning; yes 0123456789012345678901234567890 | head -c 12000000; echo; echo end; exit 1"
    async with running(project(tmp_path, {"api": command})) as engine:
        ticket = await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    log = log_of(tmp_path, ticket.builds[0].id)
    assert log.startswith("beginning\n")
    assert log.endswith("\nend\n")
    assert 4_000_000 < len(log) < 5_300_000
    assert "bytes left out here" in log
    error = rows.newest("api").error
    assert error is not None
    assert error.headline == "Command failed with exit code 1: end"


async def test_no_secret_reaches_the_log_the_row_or_the_event(
    tmp_path: Path, rows: MemoryRecorder, running: Running, monkeypatch: pytest.MonkeyPatch
):
    redact.register("s3cret-t0ken-value")
    (tmp_path / "token").write_text("error: cannot log in with s3cret-t0ken-value\n")
    async with running(project(tmp_path, {"api": "cat token; exit 1"})) as engine:
        ticket = await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    assert log_of(tmp_path, ticket.builds[0].id) == "error: cannot log in with ***\n"
    assert "s3cret" not in repr(rows)
    error = rows.newest("api").error
    assert error is not None
    assert error.headline == "Command failed: cannot log in with ***"


async def test_shutdown_ends_what_runs_and_leaves_what_waits_for_the_next_start(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    stubborn = "trap '' TERM; echo $$ > pid; while :; do sleep 1; done"
    made = project(tmp_path, {"lib": stubborn, "api": "true", "docs": "touch ran"}, limit=1, api="lib")
    async with running(made) as engine:
        await engine.enqueue(None, requested_by="cli")
        pid = await pid_in(tmp_path / "pid")
        began = time.monotonic()
        await engine.shutdown()
        assert time.monotonic() - began < 8
        assert not group_is_alive(pid)
        with pytest.raises(UnreachableError, match="is stopping"):
            await engine.enqueue("docs", requested_by="cli")
    assert {row.package: (row.status, row.reason) for row in rows.rows.values()} == {
        "lib": (BuildStatus.CANCELLED, "shutdown"),
        "api": (BuildStatus.CANCELLED, "shutdown"),
        "docs": (BuildStatus.QUEUED, ""),
    }
    async with running(made):
        await rows.until_finished()
    assert rows.newest("docs").status is BuildStatus.COMPLETED
    assert (tmp_path / "ran").exists()


async def test_what_a_killed_agent_left_running_is_failed_and_what_it_left_queued_is_built(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    left = [
        build("lib", BuildStatus.RUNNING, id_="build_1"),
        build("api", id_="build_2"),
        build("docs", id_="build_3"),
        build("gone", id_="build_4"),
    ]
    rows.rows = {row.id: row for row in left}
    async with running(project(tmp_path, {"lib": "true", "api": "true", "docs": "true"}, api="lib")):
        await rows.until_finished()
    assert {row.package: (row.status, row.reason) for row in rows.rows.values()} == {
        "lib": (BuildStatus.FAILED, "agent_crash"),
        "api": (BuildStatus.SKIPPED, "dependency"),
        "docs": (BuildStatus.COMPLETED, ""),
        "gone": (BuildStatus.CANCELLED, "removed"),
    }
    assert rows.event_types("lib") == ["build.failed"]
    assert rows.events[0].payload["skipped"] == ["api"]


async def test_a_full_disk_refuses_a_request_and_queues_nothing(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "touch ran"})) as engine:
        rows.is_full = True
        with pytest.raises(StorageError):
            await engine.enqueue("api", requested_by="cli")
        assert (await engine.status()).queued == ()
    assert not (tmp_path / "ran").exists()


async def test_a_build_whose_row_cannot_be_stored_does_not_begin(
    tmp_path: Path, rows: MemoryRecorder, running: Running, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("buildnet_cli.engine.queueing.desk._STORE_AGAIN_SECS", 0.01)
    async with running(project(tmp_path, {"lib": "true", "api": "touch ran"}, limit=1)) as engine:
        await engine.enqueue("api", requested_by="cli")
        rows.is_full = True
        await asyncio.sleep(0.1)
        assert not (tmp_path / "ran").exists()
        rows.is_full = False
        await rows.until_finished()
    assert (tmp_path / "ran").exists()


async def test_a_failed_cancel_leaves_the_queue_as_it_was(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"lib": "sleep 60", "api": "true"}, limit=1)) as engine:
        await engine.enqueue("lib", requested_by="cli")
        await rows.until_running("lib")
        await engine.enqueue("api", requested_by="cli")
        rows.is_full = True
        with pytest.raises(StorageError):
            await engine.cancel("api", requested_by="cli")
        assert [row.package for row in (await engine.status()).queued] == ["api"]
        rows.is_full = False
        await engine.cancel("lib", requested_by="cli")
        await rows.until_finished()
    assert rows.newest("api").status is BuildStatus.COMPLETED


async def test_what_a_failed_cancel_gives_back_begins_when_its_turn_came_meanwhile(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    commands = {"first": "until test -e go; do sleep 0.02; done", "second": "true"}
    async with running(project(tmp_path, commands, limit=1)) as engine:
        await engine.enqueue("first", requested_by="cli")
        first = await rows.until_running("first")
        await engine.enqueue("second", requested_by="cli")
        store = rows.record

        async def refuse_the_cancel(builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
            if builds[0].status is BuildStatus.CANCELLED:
                (tmp_path / "go").touch()
                await rows.until_finished(first.id)
                await asyncio.sleep(0.05)
                raise StorageError("the disk is full")
            await store(builds, events)

        rows.record = refuse_the_cancel
        with pytest.raises(StorageError):
            await engine.cancel("second", requested_by="cli")
        await rows.until_finished(within_secs=5)
    assert rows.newest("second").status is BuildStatus.COMPLETED


async def test_a_build_begins_though_whoever_asked_for_it_waits_no_longer(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(project(tmp_path, {"api": "true"})) as engine:
        store = rows.record

        async def store_slowly(builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
            await store(builds, events)
            await asyncio.sleep(0.05)

        rows.record = store_slowly
        asking = asyncio.create_task(engine.enqueue("api", requested_by="cli"))
        await until(lambda: bool(rows.rows))
        asking.cancel()
        await rows.until_finished(within_secs=5)
    assert rows.newest("api").status is BuildStatus.COMPLETED


async def test_a_mistake_of_ours_is_not_silent(
    tmp_path: Path, rows: MemoryRecorder, running: Running, caplog: pytest.LogCaptureFixture
):
    async with running(project(tmp_path, {"api": "true"})) as engine:
        store = rows.record

        async def slip(builds: Sequence[Build], events: Sequence[EventDraft] = ()) -> None:
            if builds[0].status is BuildStatus.COMPLETED:
                raise RuntimeError("a slip")
            await store(builds, events)

        rows.record = slip
        await engine.enqueue("api", requested_by="cli")
        await until(lambda: "a slip" in caplog.text)
