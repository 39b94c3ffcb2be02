"""PAUSE and RESUME: nothing begins, nothing is lost, and it lasts."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from buildnet_cli.engine.model import BuildStatus
from buildnet_cli.errors import StorageError
from tests.support.builds import MemoryRecorder, project
from tests.support.engines import local_engine

pytestmark = pytest.mark.integration


@pytest.fixture
def rows() -> MemoryRecorder:
    return MemoryRecorder()


async def test_what_runs_goes_on_and_nothing_else_begins(tmp_path: Path, rows: MemoryRecorder) -> None:
    commands = {"lib": "until test -e go; do sleep 0.02; done", "api": "true", "docs": "true"}
    async with local_engine(project(tmp_path, commands, limit=1, api="lib"), rows, tmp_path) as engine:
        await engine.enqueue("api", requested_by="cli")
        await rows.until_running("lib")
        assert await engine.pause() == 1
        ticket = await engine.enqueue("docs", requested_by="cli")
        assert ticket.position == 2
        assert ticket.estimated_start is None, "nobody knows when it goes on"
        (tmp_path / "go").touch()
        await rows.until_finished(rows.newest("lib").id)
        await asyncio.sleep(0.1)
        status = await engine.status()
        assert (status.state, status.running) == ("paused", ())
        assert [build.package for build in status.queued] == ["api", "docs"]
        assert await engine.resume() == 2
        assert (await engine.status()).state == "running"
        await rows.until_finished()
    assert {row.status for row in rows.rows.values()} == {BuildStatus.COMPLETED}


async def test_it_survives_a_restart(tmp_path: Path, rows: MemoryRecorder) -> None:
    made = project(tmp_path, {"api": "touch ran"})
    async with local_engine(made, rows, tmp_path) as engine:
        assert await engine.pause() == 0
        await engine.enqueue("api", requested_by="cli")
    async with local_engine(made, rows, tmp_path) as engine:
        await asyncio.sleep(0.1)
        status = await engine.status()
        assert (status.state, [build.package for build in status.queued]) == ("paused", ["api"])
        assert not (tmp_path / "ran").exists()
        assert await engine.resume() == 1
        await rows.until_finished()
    assert (tmp_path / "ran").exists()


async def test_what_waits_can_be_cancelled(tmp_path: Path, rows: MemoryRecorder) -> None:
    async with local_engine(project(tmp_path, {"api": "touch ran"}), rows, tmp_path) as engine:
        await engine.pause()
        await engine.enqueue("api", requested_by="cli")
        (ended,) = await engine.cancel("api", requested_by="cli")
        assert await engine.resume() == 0
    assert ended.status is BuildStatus.CANCELLED
    assert not (tmp_path / "ran").exists()


async def test_it_is_no_pause_that_a_full_disk_would_forget(tmp_path: Path, rows: MemoryRecorder) -> None:
    async with local_engine(project(tmp_path, {"api": "true"}), rows, tmp_path) as engine:
        rows.is_full = True
        with pytest.raises(StorageError):
            await engine.pause()
        assert (await engine.status()).state == "running"
        rows.is_full = False


async def test_twice_is_once(tmp_path: Path, rows: MemoryRecorder) -> None:
    async with local_engine(project(tmp_path, {"api": "true"}), rows, tmp_path) as engine:
        await engine.resume()
        await engine.pause()
        await engine.pause()
        await engine.resume()
        await engine.enqueue("api", requested_by="cli")
        await rows.until_finished()
    assert rows.newest("api").status is BuildStatus.COMPLETED
