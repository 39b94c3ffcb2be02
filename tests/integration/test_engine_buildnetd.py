"""The engine over a BuildNet daemon, when that refuses, breaks, vanishes, or builds for others; against the stand-in."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest

from buildnet_cli.clock import SystemClock
from buildnet_cli.engine.buildnetd import engine as engine_module
from buildnet_cli.engine.buildnetd.client import BuildnetdClient
from buildnet_cli.engine.buildnetd.engine import BuildnetdEngine
from buildnet_cli.engine.buildnetd.probe import serves
from buildnet_cli.engine.buildnetd.watch import Pace
from buildnet_cli.engine.model import BuildStatus, Tier
from buildnet_cli.engine.project import Package, load_project
from buildnet_cli.errors import ConfigError, UnreachableError, UnsupportedError
from buildnet_cli.net.http import HttpClient
from buildnet_cli.sandbox.buildnetd.daemon import Faults
from tests.support.agent import is_alive, request
from tests.support.builds import MemoryRecorder
from tests.support.daemons import daemon, daemon_process, write_project
from tests.support.http_inbox import http_inbox
from tests.support.waiting import until

pytestmark = pytest.mark.integration

JSON = {"Content-Type": "application/json", "User-Agent": "curl/8.0"}
QUICK = Pace(health=0.05, rows=30.0, row_delay=0.05, listen_again=0.05)

Running = Callable[..., AbstractAsyncContextManager[BuildnetdEngine]]


@pytest.fixture
def rows() -> MemoryRecorder:
    return MemoryRecorder()


@pytest.fixture
def running(rows: MemoryRecorder, tmp_path: Path) -> Running:
    """An engine over the daemon at a URL; pace and packages are those of the engine."""

    @asynccontextmanager
    async def run(
        url: str, *, pace: Pace = QUICK, packages: Mapping[str, Package] | None = None
    ) -> AsyncIterator[BuildnetdEngine]:
        http = HttpClient()
        engine = BuildnetdEngine(
            BuildnetdClient(http, url),
            rows,
            clock=SystemClock(),
            root=tmp_path,
            packages=packages,
            pace=pace,
            grace_secs=0.3,
            back_off_secs=0.1,
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.shutdown()
            await http.close()

    return run


@pytest.fixture
def no_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine waits for a tenth of a second, when it stops, for what it cannot end."""
    monkeypatch.setattr(engine_module, "_SHUTDOWN_WITHIN_SECS", 0.1)


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def somebody_builds(url: str, package: str) -> threading.Thread:
    """Somebody else asks the daemon for a build."""

    def ask() -> None:
        try:
            request("POST", f"{url}/build/{package}", b"{}", JSON)
        except OSError:
            return

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    return thread


def told(rows: MemoryRecorder, prefix: str) -> list[str]:
    return [event.type for event in rows.events if event.type.startswith(prefix)]


async def test_a_rate_limit_is_waited_for_as_long_as_the_daemon_says(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true"})
    with daemon(tmp_path) as server:
        server.daemon.window_secs = 1.5
        async with running(server.url) as engine:
            began = time.monotonic()
            for _ in range(10):
                await asyncio.to_thread(request, "POST", f"{server.url}/build/nope", b"{}", JSON)
            await engine.enqueue("api", requested_by="cli")
            await until(lambda: rows.history[-1].status is BuildStatus.QUEUED and len(rows.history) == 3)
            assert rows.history[-1].started_at is None, "it waits again, and does not seem to run"
            await rows.until_finished()
            assert 1.0 < time.monotonic() - began < 5.0
    assert rows.newest("api").status is BuildStatus.COMPLETED
    assert rows.event_types("api") == ["build.queued", "build.started", "build.completed"]


async def test_a_package_that_others_build_is_tried_again_and_holds_up_nobody(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    wait_for_it = "touch began; for i in $(seq 500); do test -e go && exit 0; sleep 0.01; done; exit 1"
    write_project(tmp_path, {"api": wait_for_it, "docs": "true"})
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            await until(lambda: bool(_listens(server.url)))
            somebody_builds(server.url, "api")
            await until((tmp_path / "began").exists)
            await engine.enqueue("api", requested_by="cli")
            await engine.enqueue("docs", requested_by="cli")
            await until(lambda: "build.completed" in rows.event_types("docs"))
            ours = next(row for row in rows.rows.values() if row.package == "api" and row.requested_by == "cli")
            assert not ours.status.is_final
            (tmp_path / "go").touch()
            await rows.until_finished(ours.id)
            await until(lambda: rows.event_types("api").count("build.completed") == 2)
    assert rows.rows[ours.id].status is BuildStatus.COMPLETED
    assert [row.status for row in rows.rows.values() if row.requested_by == "buildnetd:curl"] == [BuildStatus.COMPLETED]


async def test_a_package_that_is_gone_from_the_daemon_is_cancelled(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true", "app": "true"}, app="api")
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            del server.daemon.packages["api"]
            await engine.enqueue("app", requested_by="cli")
            await rows.until_finished()
    assert {row.package: (row.status, row.reason) for row in rows.rows.values()} == {
        "api": (BuildStatus.CANCELLED, "removed"),
        "app": (BuildStatus.CANCELLED, "removed"),
    }


async def test_a_broken_connection_is_told_as_what_it_is_and_the_queue_goes_on(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    write_project(tmp_path, {"lib": "true", "api": "true", "docs": "true"}, api="lib")
    with daemon(tmp_path) as server:
        server.daemon.faults = Faults(deque(["reset"]))
        async with running(server.url) as engine:
            await engine.enqueue(None, requested_by="cli")
            await rows.until_finished()
    lost = rows.newest("lib")
    assert (lost.status, lost.reason, lost.exit_code) == (BuildStatus.FAILED, "daemon", None)
    assert lost.error is not None
    assert lost.error.headline == "The BuildNet daemon was lost while it built lib; how that ended is not known"
    assert lost.error.suggestion == "BUILD lib again"
    assert rows.newest("api").status is BuildStatus.SKIPPED
    assert rows.newest("docs").status is BuildStatus.COMPLETED


async def test_a_failure_of_the_daemon_itself_fails_the_build(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true"})
    with daemon(tmp_path) as server:
        server.daemon.faults = Faults(deque([500]))
        async with running(server.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await rows.until_finished()
    failed = rows.newest("api")
    assert (failed.status, failed.reason) == (BuildStatus.FAILED, "daemon")
    assert failed.error is not None
    assert failed.error.headline == "The daemon answered 500: Build failed: scripted"


async def test_what_the_daemon_took_from_its_cache_is_told_with_its_tier(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "mkdir -p out/api && echo api > out/api/api"})
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            found = []
            for leave in ("built", "skipped", "restored"):
                if leave == "restored":
                    (tmp_path / "out" / "api" / "api").unlink()
                    (tmp_path / "out" / "api").rmdir()
                await engine.enqueue("api", requested_by="cli")
                await rows.until_finished()
                found.append((rows.newest("api").status, rows.newest("api").tier))
    assert found == [
        (BuildStatus.COMPLETED, Tier.SMART_INCREMENTAL),
        (BuildStatus.CACHED, Tier.INSTANT_SKIP),
        (BuildStatus.CACHED, Tier.CACHE_RESTORE),
    ]
    assert told(rows, "build.").count("build.cached") == 2


async def test_a_daemon_that_dies_while_it_builds_keeps_the_queue_for_its_successor(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    write_project(tmp_path, {"api": "touch began; sleep 30", "docs": "true"})
    with daemon_process(tmp_path) as first:
        async with running(first.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await engine.enqueue("docs", requested_by="cli")
            await until((tmp_path / "began").exists)
            first.kill()
            await until(lambda: told(rows, "daemon.") == ["daemon.started", "daemon.stopped"])
            assert (rows.newest("api").status, rows.newest("api").reason) == (BuildStatus.FAILED, "daemon")
            assert (await engine.status()).state == "unreachable"
            ticket = await engine.enqueue("docs", requested_by="http")
            assert ticket.builds[0].id == rows.newest("docs").id, "the same request, while it waits, is one build"
            assert rows.newest("docs").status is BuildStatus.QUEUED
            with daemon_process(tmp_path, first.port):
                await rows.until_finished()
                assert told(rows, "daemon.") == ["daemon.started", "daemon.stopped", "daemon.started"]
                assert (await engine.status()).state == "running"
    assert rows.newest("docs").status is BuildStatus.COMPLETED


@pytest.mark.parametrize("fault", [500, "hang"])
async def test_a_daemon_that_does_not_answer_as_it_should_is_an_error_until_it_does(
    tmp_path: Path, rows: MemoryRecorder, running: Running, fault: int | str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("buildnet_cli.engine.buildnetd.client._HEALTH_SECS", 0.1)
    write_project(tmp_path, {"api": "true"})
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            server.daemon.faults = Faults(health=fault)
            await until(lambda: told(rows, "daemon.") == ["daemon.started", "daemon.error"])
            await engine.enqueue("api", requested_by="cli")
            server.daemon.faults = Faults()
            await rows.until_finished()
            await until(lambda: told(rows, "daemon.") == ["daemon.started", "daemon.error", "daemon.recovered"])


async def test_the_end_of_the_event_stream_is_looked_into_at_once(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true"})
    patient = Pace(health=3600.0, rows=3600.0, listen_again=0.02)
    with daemon_process(tmp_path) as process:
        async with running(process.url, pace=patient) as engine:
            await until(lambda: bool(_listens(process.url)))
            process.kill()
            for _ in range(500):
                if (await engine.status()).state == "unreachable":
                    break
                await asyncio.sleep(0.01)
            assert (await engine.status()).state == "unreachable"


async def test_builds_of_others_are_told_once_with_who_asked(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "sleep 0.4", "bad": "echo \"x.c:3:1: error: 'y' undeclared\" >&2; exit 1"})
    with daemon(tmp_path) as server:
        async with running(server.url):
            await until(lambda: bool(_listens(server.url)))
            somebody_builds(server.url, "api")
            await until(lambda: rows.event_types("api") == ["build.started", "build.completed"])
            somebody_builds(server.url, "bad")
            await until(lambda: "build.failed" in rows.event_types("bad"))
            await asyncio.sleep(0.3)
    assert rows.event_types("api") == ["build.started", "build.completed"]
    assert rows.event_types("bad").count("build.failed") == 1
    assert {row.requested_by for row in rows.rows.values()} == {"buildnetd:curl"}
    failed = rows.newest("bad")
    assert failed.error is not None
    assert (failed.error.file, failed.error.line) == ("x.c", 3)


async def test_builds_of_others_are_found_without_the_event_stream_too(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true"})
    with daemon(tmp_path) as server:
        async with running(server.url, pace=Pace(health=0.05, rows=0.05, listen_again=3600.0)):
            await until(lambda: bool(_listens(server.url)))
            server.daemon.feed.tell = lambda *args, **kinds: None  # type: ignore[method-assign]  # nothing is told any more
            somebody_builds(server.url, "api")
            await until(lambda: "build.completed" in rows.event_types("api"))
    assert rows.newest("api").requested_by == "buildnetd"


async def test_our_own_builds_are_told_once(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"lib": "sleep 0.1", "api": "true", "bad": "sleep 0.6; exit 1"}, api="lib")
    with daemon(tmp_path) as server:
        async with running(server.url, pace=Pace(health=0.05, rows=0.02, row_delay=0.02)) as engine:
            await engine.enqueue(None, requested_by="cli")
            await rows.until_finished()
            await asyncio.sleep(0.3)
    assert len(rows.rows) == 3
    assert rows.event_types("lib") == ["build.queued", "build.started", "build.completed"]
    assert rows.event_types("bad") == ["build.queued", "build.started", "build.failed"]


async def test_rows_that_never_stop_running_are_never_news(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"stale": "touch began; sleep 30", "api": "true"})
    with daemon_process(tmp_path) as first:
        somebody_builds(first.url, "stale")
        await until((tmp_path / "began").exists)
    with daemon(tmp_path) as server:
        for _ in range(2):
            async with running(server.url, pace=Pace(health=0.05, rows=0.02)) as engine:
                await engine.enqueue("api", requested_by="cli")
                await rows.until_finished()
                await asyncio.sleep(0.1)
    assert rows.event_types("stale") == []
    assert {row.package for row in rows.rows.values()} == {"api"}


async def test_a_running_build_whose_process_cannot_be_found_is_not_cancelled(
    tmp_path: Path, rows: MemoryRecorder, running: Running, no_patience: None
):
    write_project(tmp_path, {"api": "true", "app": "true", "docs": "true"}, app="api")
    with daemon(tmp_path) as server:
        server.daemon.faults = Faults(deque(["hang"]))
        async with running(server.url) as engine:
            ticket = await engine.enqueue("app", requested_by="cli")
            begun = await rows.until_running("api")
            with pytest.raises(UnsupportedError, match="the build of api cannot be cancelled"):
                await engine.cancel(begun.id, requested_by="cli")
            assert [row.package for row in (await engine.status()).queued] == ["app"], "nothing was touched"
            ended = await engine.cancel(ticket.run_id, requested_by="cli")
            assert [(row.package, row.status) for row in ended] == [("app", BuildStatus.CANCELLED)]
            assert [row.package for row in (await engine.status()).running] == ["api"]


async def test_a_build_that_cannot_be_ended_at_the_shutdown_is_told_to_have_an_unknown_end(
    tmp_path: Path, rows: MemoryRecorder, running: Running, no_patience: None
):
    write_project(tmp_path, {"api": "true"})
    with daemon(tmp_path) as server:
        server.daemon.faults = Faults(deque(["hang"]))
        async with running(server.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await rows.until_running("api")
    left = rows.newest("api")
    assert (left.status, left.reason) == (BuildStatus.FAILED, "shutdown")
    assert left.error is not None
    assert "its end is not known" in left.error.headline


async def test_a_cancelled_build_is_ended_with_all_it_started_and_the_daemon_lives(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    stubborn = "sh -c 'trap \"\" TERM; echo $$ > pid; while :; do sleep 1; done' & echo $$ > leader; wait"
    write_project(tmp_path, {"api": stubborn, "docs": "true"})
    with daemon_process(tmp_path) as process:
        async with running(process.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text().endswith("\n"))
            (row,) = await engine.cancel("api", requested_by="cli")
            assert (row.status, row.reason) == (BuildStatus.CANCELLED, "cancelled")
            assert not is_alive(int((tmp_path / "pid").read_text()))
            await engine.enqueue("docs", requested_by="cli")
            await rows.until_finished()
        assert process.process.poll() is None
    assert rows.newest("docs").status is BuildStatus.COMPLETED


async def test_what_the_cache_lost_is_told(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "mkdir -p out/api && echo api > out/api/api"})
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await rows.until_finished()
            removed = await engine.cache_clear()
    event = next(event for event in rows.events if event.type == "cache.cleared")
    assert removed.artifacts == event.payload["artifacts"] == 1
    assert removed.size == event.payload["size_bytes"] > 0


async def test_without_a_daemon_nothing_is_pretended(tmp_path: Path, rows: MemoryRecorder, running: Running):
    async with running(f"http://127.0.0.1:{free_port()}") as engine:
        assert (await engine.status()).state == "unreachable"
        with pytest.raises(UnreachableError, match="its packages are unknown"):
            await engine.enqueue("api", requested_by="cli")
        with pytest.raises(UnreachableError):
            await engine.cache_stats()
        with pytest.raises(UnreachableError):
            await engine.cache_clear()
        await until(lambda: told(rows, "daemon.") == ["daemon.stopped"])
    assert rows.rows == {}


async def test_a_request_waits_for_a_daemon_that_has_yet_to_come(tmp_path: Path, rows: MemoryRecorder, running: Running):
    write_project(tmp_path, {"api": "true"})
    port = free_port()
    known = load_project(tmp_path, Path(".buildnet/config.json")).packages
    async with running(f"http://127.0.0.1:{port}", packages=known) as engine:
        await engine.enqueue("api", requested_by="cli")
        await asyncio.sleep(0.1)
        assert rows.newest("api").status is BuildStatus.QUEUED
        with daemon(tmp_path, port):
            await rows.until_finished()
    assert rows.newest("api").status is BuildStatus.COMPLETED


async def test_what_was_queued_is_taken_up_when_the_daemon_comes_after_the_agent(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    write_project(tmp_path, {"api": "true"})
    port = free_port()
    known = load_project(tmp_path, Path(".buildnet/config.json")).packages
    async with running(f"http://127.0.0.1:{port}", packages=known) as engine:
        await engine.enqueue("api", requested_by="cli")
    async with running(f"http://127.0.0.1:{port}"):
        assert rows.newest("api").status is BuildStatus.QUEUED, "a daemon that is not there has removed no package"
        with daemon(tmp_path, port):
            await rows.until_finished()
    assert rows.newest("api").status is BuildStatus.COMPLETED


async def test_packages_that_would_end_the_daemon_are_refused_before_it_is_asked(
    tmp_path: Path, rows: MemoryRecorder, running: Running
):
    write_project(tmp_path, {"api": "true"}, api="nope")
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            with pytest.raises(ConfigError, match='api depends on "nope"'):
                await engine.enqueue(None, requested_by="cli")
        asked = [entry["path"] for entry in request("GET", f"{server.url}/requests").body["requests"]]
        assert not [path for path in asked if path.startswith("/build")]
    assert rows.rows == {}


async def test_a_build_whose_row_cannot_be_stored_does_not_begin(
    tmp_path: Path, rows: MemoryRecorder, running: Running, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("buildnet_cli.engine.queueing.desk._STORE_AGAIN_SECS", 0.01)
    write_project(tmp_path, {"lib": "sleep 0.2", "api": "touch ran"}, api="lib")
    with daemon(tmp_path) as server:
        async with running(server.url) as engine:
            await engine.enqueue("api", requested_by="cli")
            await rows.until_running("lib")
            rows.is_full = True
            await asyncio.sleep(0.6)
            assert not (tmp_path / "ran").exists()
            rows.is_full = False
            await rows.until_finished()
    assert (tmp_path / "ran").exists()


async def test_a_daemon_serves_the_project_whose_folder_it_tells_even_relative_to_its_own(tmp_path: Path):
    write_project(tmp_path, {"api": "true"})
    http = HttpClient()
    here = Path.cwd()
    with daemon(tmp_path) as server:
        assert await serves(http, server.url, tmp_path)
        assert not await serves(http, server.url, here)
        server.daemon.told_root = "."  # the stand-in runs in our own process
        assert await serves(http, server.url, here)
        assert not await serves(http, server.url, tmp_path)
    assert not await serves(http, server.url, tmp_path), "nobody is there any more"
    await http.close()


async def test_what_is_no_daemon_serves_nothing(tmp_path: Path):
    http = HttpClient()
    with http_inbox() as other:
        assert not await serves(http, other.hook("x").partition("/hooks")[0], tmp_path)
    with socket.socket() as mute:
        mute.bind(("127.0.0.1", 0))
        mute.listen()
        began = time.monotonic()
        assert not await serves(http, f"http://127.0.0.1:{mute.getsockname()[1]}", tmp_path)
        assert time.monotonic() - began < 8
    await http.close()


def _listens(url: str) -> list[object]:
    """The requests for the event stream that the daemon has taken."""
    return [entry for entry in request("GET", f"{url}/requests").body["requests"] if entry["path"] == "/events"]
