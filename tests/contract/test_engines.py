"""What every engine does alike, over our own and over a BuildNet daemon; with real shells behind both."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from buildnet_cli.clock import SystemClock
from buildnet_cli.engine.buildnetd.client import BuildnetdClient
from buildnet_cli.engine.buildnetd.engine import BuildnetdEngine
from buildnet_cli.engine.model import BuildStatus, Capability
from buildnet_cli.engine.port import Engine
from buildnet_cli.engine.project import load_project
from buildnet_cli.errors import ConflictError, NotFoundError, UnknownPackageError, UnreachableError, UnsupportedError
from buildnet_cli.net.http import HttpClient
from tests.support.builds import MemoryRecorder, build
from tests.support.daemons import daemon_process, write_project
from tests.support.engines import local_engine

pytestmark = pytest.mark.integration

Running = Callable[..., AbstractAsyncContextManager[Engine]]


@pytest.fixture
def rows() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture(params=["local", "buildnetd"])
def running(request: pytest.FixtureRequest, rows: MemoryRecorder, tmp_path: Path) -> Running:
    """Starts an engine that builds one package at a time: shell commands by name, and what a package depends on."""

    @asynccontextmanager
    async def local(commands: dict[str, str], **dependencies: str) -> AsyncIterator[Engine]:
        write_project(tmp_path, commands, limit=1, **dependencies)
        project = load_project(tmp_path, Path(".buildnet/config.json"))
        async with local_engine(project, rows, tmp_path / ".buildnet") as engine:
            yield engine

    @asynccontextmanager
    async def buildnetd(commands: dict[str, str], **dependencies: str) -> AsyncIterator[Engine]:
        write_project(tmp_path, commands, limit=1, **dependencies)
        http = HttpClient()
        with daemon_process(tmp_path) as daemon:
            client = BuildnetdClient(http, daemon.url)
            engine = BuildnetdEngine(client, rows, clock=SystemClock(), root=tmp_path, grace_secs=0.5)
            await engine.start()
            try:
                yield engine
            finally:
                await engine.shutdown()
                await http.close()

    return local if request.param == "local" else buildnetd


async def test_all_packages_are_built_dependencies_first(rows: MemoryRecorder, running: Running):
    async with running({"app": "true", "api": "true", "lib": "true"}, app="api", api="lib") as engine:
        ticket = await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
    assert [made.package for made in ticket.builds] == ["lib", "api", "app"]
    assert {row.status for row in rows.rows.values()} == {BuildStatus.COMPLETED}
    assert [row.package for row in rows.history if row.status is BuildStatus.RUNNING] == ["lib", "api", "app"]


async def test_one_package_is_built_with_what_it_depends_on_and_nothing_else(rows: MemoryRecorder, running: Running):
    async with running({"lib": "true", "api": "true", "docs": "true"}, api="lib") as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    assert {row.package for row in rows.rows.values()} == {"lib", "api"}


async def test_a_build_is_told_from_its_place_in_the_queue_to_its_end(rows: MemoryRecorder, running: Running):
    async with running({"@scope/api": "true"}) as engine:
        ticket = await engine.enqueue("@scope/api", requested_by="sms:DevOps Lead")
        await rows.until_finished()
    assert ticket.position == 1
    assert ticket.as_result()["build_id"] == ticket.builds[0].id
    assert rows.event_types("@scope/api") == ["build.queued", "build.started", "build.completed"]
    final = rows.newest("@scope/api")
    assert (final.id, final.requested_by) == (ticket.builds[0].id, "sms:DevOps Lead")
    assert final.duration is not None
    assert final.tier is not None


async def test_an_unknown_package_is_refused_with_the_nearest_name(rows: MemoryRecorder, running: Running):
    async with running({"api": "true"}) as engine:
        with pytest.raises(UnknownPackageError) as caught:
            await engine.enqueue("appi", requested_by="cli")
    assert (caught.value.message, caught.value.hint) == ("there is no package 'appi'", "did you mean 'api'?")
    assert rows.history == []


async def test_a_failure_says_why_and_skips_what_depends_on_it(rows: MemoryRecorder, running: Running):
    commands = {"lib": "echo \"src/a.c:8:2: error: 'foo' undeclared\" >&2; exit 3", "api": "true", "app": "true", "docs": "true"}
    async with running(commands, api="lib", app="api docs") as engine:
        await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
    assert {row.package: (row.status, row.reason) for row in rows.rows.values()} == {
        "lib": (BuildStatus.FAILED, "exit"),
        "api": (BuildStatus.SKIPPED, "dependency"),
        "app": (BuildStatus.SKIPPED, "dependency"),
        "docs": (BuildStatus.COMPLETED, ""),
    }
    failed = rows.newest("lib")
    assert failed.exit_code == 3
    assert failed.error is not None
    assert failed.error.headline == "C/C++ compilation failed: 'foo' undeclared"
    assert (failed.error.file, failed.error.line) == ("src/a.c", 8)
    event = next(event for event in rows.events if event.type == "build.failed")
    assert event.payload["skipped"] == ["api", "app"]


async def test_a_queued_build_is_cancelled_without_ever_starting(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running({"first": "sleep 60", "second": "touch ran", "third": "true"}, third="second") as engine:
        await engine.enqueue("first", requested_by="cli")
        await rows.until_running("first")
        ticket = await engine.enqueue("third", requested_by="cli")
        ended = await engine.cancel(ticket.run_id, requested_by="cli")
        assert [(row.package, row.status, row.started_at) for row in ended] == [
            ("second", BuildStatus.CANCELLED, None),
            ("third", BuildStatus.CANCELLED, None),
        ]
        assert (await engine.status()).queued == ()
    assert not (tmp_path / "ran").exists()
    assert rows.event_types("third") == ["build.queued", "build.cancelled"]


async def test_a_running_build_of_this_machine_is_cancelled_with_its_dependents(rows: MemoryRecorder, running: Running):
    async with running({"lib": "sleep 60 & sleep 60", "api": "true"}, api="lib") as engine:
        await engine.enqueue("api", requested_by="cli")
        begun = await rows.until_running("lib")
        ended = await engine.cancel(begun.id, requested_by="sms:DevOps Lead")
        assert {(row.package, row.status) for row in ended} == {("lib", BuildStatus.CANCELLED), ("api", BuildStatus.CANCELLED)}
        assert {row.cancelled_by for row in ended} == {"sms:DevOps Lead"}
        assert (await engine.status()).running == ()
    assert (rows.newest("lib").reason, rows.event_types("lib")[-1]) == ("cancelled", "build.cancelled")
    depths = {(event.type, event.payload["queue_depth"]) for event in rows.events if event.subject in ("lib", "api")}
    assert depths - {("build.started", 0), ("build.started", 1)} == {("build.queued", 2), ("build.cancelled", 0)}
    assert all("by sms:DevOps Lead" in event.message for event in rows.events if event.type == "build.cancelled")


async def test_what_is_not_there_or_over_cannot_be_cancelled(rows: MemoryRecorder, running: Running):
    async with running({"api": "true"}) as engine:
        ticket = await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
        with pytest.raises(ConflictError, match="is finished: api completed"):
            await engine.cancel(ticket.builds[0].id, requested_by="cli")
        with pytest.raises(NotFoundError, match="no build of 'api' is queued or running"):
            await engine.cancel("api", requested_by="cli")
        with pytest.raises(NotFoundError) as caught:
            await engine.cancel("apu", requested_by="cli")
        assert caught.value.hint == "did you mean 'api'?"


async def test_a_build_is_forced_or_said_to_be_beyond_the_engine(rows: MemoryRecorder, running: Running):
    async with running({"api": "true"}) as engine:
        if Capability.FORCE in (await engine.status()).capabilities:
            await engine.enqueue("api", requested_by="cli", is_forced=True)
            await rows.until_finished()
            assert rows.newest("api").is_forced
        else:
            with pytest.raises(UnsupportedError, match="cannot be made to"):
                await engine.enqueue("api", requested_by="cli", is_forced=True)
            assert not rows.rows


async def test_an_engine_that_explains_says_why_it_built_and_no_other_makes_a_reason_up(rows: MemoryRecorder, running: Running):
    async with running({"api": "true"}) as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
        explains = Capability.EXPLAIN in (await engine.status()).capabilities
    assert (rows.newest("api").why is not None) is explains


async def test_identical_requests_are_one_build_while_they_wait(rows: MemoryRecorder, running: Running):
    async with running({"first": "sleep 0.3", "api": "true"}) as engine:
        await engine.enqueue("first", requested_by="cli")
        await rows.until_running("first")
        one = await engine.enqueue("api", requested_by="cli")
        other = await engine.enqueue("api", requested_by="http")
        await rows.until_finished()
    assert one.run_id == other.run_id
    assert len(rows.rows) == 2


async def test_the_status_names_what_runs_and_what_waits(rows: MemoryRecorder, running: Running):
    async with running({"lib": "sleep 60", "api": "true"}, api="lib") as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_running("lib")
        status = await engine.status()
        assert status.kind in ("local", "buildnetd")
        assert (status.state, status.packages) == ("running", ("lib", "api"))
        assert Capability.CANCEL_RUNNING in status.capabilities  # on this machine
        assert [made.package for made in status.running] == ["lib"]
        assert [made.package for made in status.queued] == ["api"]


async def test_a_pause_holds_what_waits_and_survives_a_restart(rows: MemoryRecorder, running: Running):
    async with running({"lib": "sleep 0.2", "api": "true"}, api="lib") as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_running("lib")
        assert await engine.pause() == 1
        await rows.until_finished(rows.newest("lib").id)
        assert (await engine.status()).state == "paused"
        assert rows.newest("api").status is BuildStatus.QUEUED
    async with running({"lib": "true", "api": "true"}, api="lib") as engine:
        assert (await engine.status()).state == "paused"
        assert rows.newest("api").status is BuildStatus.QUEUED
        assert await engine.resume() == 1
        await rows.until_finished()
    assert rows.newest("api").status is BuildStatus.COMPLETED


async def test_a_build_that_runs_at_the_shutdown_is_ended_and_what_waits_is_taken_up_again(
    rows: MemoryRecorder, running: Running
):
    async with running({"first": "sleep 60", "second": "true"}) as engine:
        await engine.enqueue(None, requested_by="cli")
        await rows.until_running("first")
    assert (rows.newest("first").status, rows.newest("first").reason) == (BuildStatus.CANCELLED, "shutdown")
    assert rows.newest("second").status is BuildStatus.QUEUED
    async with running({"first": "true", "second": "true"}):
        await rows.until_finished()
    assert rows.newest("second").status is BuildStatus.COMPLETED


async def test_nothing_is_taken_while_the_engine_stops(rows: MemoryRecorder, running: Running):
    async with running({"api": "true"}) as engine:
        await engine.shutdown()
        with pytest.raises(UnreachableError):
            await engine.enqueue("api", requested_by="cli")
    assert rows.history == []


async def test_a_build_that_a_killed_agent_left_running_is_told_to_have_failed(rows: MemoryRecorder, running: Running):
    await rows.record([build("api", BuildStatus.RUNNING)])
    async with running({"api": "true"}):
        pass
    assert (rows.newest("api").status, rows.newest("api").reason) == (BuildStatus.FAILED, "agent_crash")
    assert "build.failed" in rows.event_types("api")


async def test_the_cache_is_counted_and_cleared(rows: MemoryRecorder, running: Running):
    async with running({"api": "mkdir -p out/api && echo api > out/api/api"}) as engine:
        assert (await engine.cache_stats()).artifacts == 0
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
        held = await engine.cache_stats()
        assert held.artifacts == 1
        assert held.size > 0
        removed = await engine.cache_clear()
        assert (removed.artifacts, removed.size) == (held.artifacts, held.size)
        assert (await engine.cache_stats()).artifacts == 0
