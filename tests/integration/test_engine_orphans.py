"""No process of any build outlives its agent, and none that is not ours is touched."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.process import identity
from tests.support.builds import MemoryRecorder, build, project
from tests.support.engines import local_engine
from tests.support.processes import HIDING, environment, left
from tests.support.waiting import until

pytestmark = pytest.mark.integration

ALL_HIDING = "\n".join(HIDING.values())

ENGINE_ALONE = """
import asyncio, sys
from pathlib import Path
from tests.support.builds import MemoryRecorder, project
from tests.support.engines import local_engine

async def main():
    folder = Path(sys.argv[1])
    async with local_engine(project(folder, {"a": sys.argv[2], "b": sys.argv[2]}), MemoryRecorder(), folder) as engine:
        await engine.enqueue(None, requested_by="cli")
        await asyncio.sleep(300)

asyncio.run(main())
"""


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return str(tmp_path)


@pytest.fixture
def bystander(mark: str) -> Iterator[subprocess.Popen[bytes]]:
    """A process that is no build's, with one of its own."""
    command = ["sh", "-c", "sleep 300 & wait"]
    with subprocess.Popen(command, env=environment(mark), start_new_session=True) as process:
        yield process
        os.killpg(process.pid, signal.SIGKILL)


def running_in(processes: str) -> Build:
    """A row of a build that should run."""
    return replace(build("api", BuildStatus.RUNNING), processes=processes)


def test_nothing_is_left_three_seconds_after_the_engine_was_killed(tmp_path: Path, mark: str) -> None:
    argv = [sys.executable, "-c", ENGINE_ALONE, str(tmp_path), f"{ALL_HIDING}\nsleep 300"]
    with subprocess.Popen(argv, cwd=Path(__file__).parents[2], env=environment(mark)) as engine:
        asyncio.run(until(lambda: len(left(mark)) >= 2 * 8 + 1))
        engine.kill()
    asyncio.run(until(lambda: left(mark) == {}, within_secs=3))


async def test_where_a_build_runs_is_written_down_while_it_does(tmp_path: Path) -> None:
    rows = MemoryRecorder()
    async with local_engine(project(tmp_path, {"api": "echo $$ > pid; sleep 300"}), rows, tmp_path) as engine:
        await engine.enqueue("api", requested_by="cli")
        await until(lambda: (tmp_path / "pid").exists() and bool(rows.newest("api").processes))
        assert f" {(tmp_path / 'pid').read_text().strip()}:" in rows.newest("api").processes
        assert identity.is_alive(rows.newest("api").processes)
        await engine.cancel("api", requested_by="cli")
    assert rows.newest("api").processes == ""


async def test_what_a_killed_agent_and_a_killed_supervisor_left_is_ended_before_anything_begins(
    tmp_path: Path, mark: str, bystander: subprocess.Popen[bytes]
) -> None:
    written = identity.of(bystander.pid)
    rows = MemoryRecorder()
    rows.rows = {"build_1": running_in(written)}
    async with local_engine(project(tmp_path, {"api": "true"}), rows, tmp_path):
        assert left(mark) == {}
    assert (rows.newest("api").status, rows.newest("api").reason) == (BuildStatus.FAILED, "agent_crash")
    recovered = next(event for event in rows.events if event.type == "daemon.recovered")
    assert recovered.payload == {"builds": ["build_1"], "ended_processes": 2}
    assert recovered.message == "Taken over from an agent that was killed while it built api"


@pytest.mark.parametrize(
    "forge",
    [
        lambda boot, pid, started: f"{boot} {pid}:{int(started) + 1}",
        lambda boot, pid, started: f"{boot} {pid}:",
        lambda boot, pid, started: f"{'0' * 8}{boot[8:]} {pid}:{started}",
        lambda boot, pid, started: f"{boot} -{pid}:{started}",
        lambda boot, pid, started: f"{boot}",
        lambda boot, pid, started: "",
    ],
    ids=["another start", "no start", "another boot", "a group", "no process", "nothing"],
)
async def test_a_process_that_merely_has_the_number_is_left_alone(
    tmp_path: Path,
    mark: str,
    bystander: subprocess.Popen[bytes],
    forge: Callable[[str, str, str], str],
) -> None:
    await until(lambda: len(left(mark)) == 2)
    boot, _, process = identity.of(bystander.pid).partition(" ")
    rows = MemoryRecorder()
    rows.rows = {"build_1": running_in(forge(boot, *process.split(":")))}
    async with local_engine(project(tmp_path, {"api": "true"}), rows, tmp_path):
        pass
    assert len(left(mark)) == 2
    assert rows.newest("api").reason == "agent_crash"
