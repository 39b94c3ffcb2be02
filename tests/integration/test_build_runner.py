"""One package's command, to whatever end it comes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.engine.local import runner
from buildnet_cli.engine.local.log import BuildLog
from buildnet_cli.engine.model import BuildStatus
from buildnet_cli.engine.project import Package

pytestmark = pytest.mark.integration

OUTPUT = "output.log"


async def run(folder: Path, command: str, *, limit: float | None = None, **keys: Any) -> runner.Result:
    return await runner.run(
        Package("api", ".", command, **keys),
        BuildLog(folder / OUTPUT),
        root=folder,
        environment={"PATH": os.environ["PATH"]},
        limit=timedelta(seconds=limit) if limit is not None else None,
        stop=runner.Stop(),
        grace_secs=0.2,
    )


async def test_a_build_that_writes_nothing_for_too_long_is_ended(tmp_path: Path) -> None:
    result = await run(tmp_path, "echo working; sleep 60", idle_timeout=timedelta(seconds=0.3))
    assert (result.status, result.reason) == (BuildStatus.FAILED, "idle_timeout")
    assert result.error is not None
    assert result.error.headline == "Ended, because it wrote nothing for 0.3s"
    assert result.error.tail == "working"


async def test_a_build_that_goes_on_writing_is_not(tmp_path: Path) -> None:
    result = await run(tmp_path, "for i in 1 2 3 4 5 6 7 8; do echo $i; sleep 0.1; done", idle_timeout=timedelta(seconds=0.5))
    assert result.status is BuildStatus.COMPLETED


async def test_the_limit_of_all_holds_however_much_is_written(tmp_path: Path) -> None:
    result = await run(tmp_path, "while :; do echo on; sleep 0.05; done", limit=0.4, idle_timeout=timedelta(seconds=5))
    assert result.reason == "timeout"


async def test_another_attempt_may_succeed_and_the_log_has_both(tmp_path: Path) -> None:
    result = await run(tmp_path, "test -e tried || { touch tried; echo first; exit 1; }; echo second", retries=2)
    assert result.status is BuildStatus.COMPLETED
    log = (tmp_path / OUTPUT).read_text()
    assert log == "first\n\n[buildnet-notify] attempt 2 of 3\nsecond\n"


async def test_the_last_attempt_is_the_one_that_is_told(tmp_path: Path) -> None:
    command = 'echo x >> tries; echo "main.c:$(wc -l < tries):1: error: no such thing" >&2; exit 4'
    result = await run(tmp_path, command, retries=2)
    assert (result.status, result.reason, result.exit_code) == (BuildStatus.FAILED, "exit", 4)
    assert result.error is not None
    assert (result.error.file, result.error.line) == ("main.c", 3)
    assert (tmp_path / "tries").read_text() == "x\n" * 3


async def test_a_limit_is_not_met_a_second_time(tmp_path: Path) -> None:
    result = await run(tmp_path, "echo x >> tries; sleep 60", limit=0.3, retries=3)
    assert result.reason == "timeout"
    assert (tmp_path / "tries").read_text() == "x\n"


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> list[int | None]:
    """What the kernel's counter says, one look after the other."""
    says: list[int | None] = []

    def look() -> int | None:
        return next(looks)

    looks: Iterator[int | None] = iter(says)
    monkeypatch.setattr(runner, "oom_kills", look)
    return says


@pytest.mark.parametrize(
    ("counts", "command", "reason"),
    [
        ((4, 5), "kill -9 $$", "oom"),
        ((4, 5), "sh -c 'kill -9 $$'", "oom"),
        ((4, 4), "kill -9 $$", "signal"),
        ((None, None), "kill -9 $$", "signal"),
        ((4, 5), "exit 1", "exit"),
        ((4, 5), "kill -TERM $$", "signal"),
    ],
)
async def test_memory_is_suspected_only_if_the_kernel_killed_something_meanwhile(
    tmp_path: Path, memory: list[int | None], counts: tuple[int | None, int | None], command: str, reason: str
) -> None:
    memory += counts
    result = await run(tmp_path, command)
    assert result.reason == reason
    assert result.error is not None
    assert ("lack of memory" in result.error.headline) == (reason == "oom")
