"""The stock of artifacts on a real disk: its limits, what is in use, and what a power cut leaves."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from buildnet_cli.engine.local.eviction import CacheLimits
from buildnet_cli.engine.local.index import Memory
from buildnet_cli.engine.project import Package
from tests.support.caches import Kept
from tests.support.clocks import FakeClock

pytestmark = pytest.mark.integration

API = Package("api", "api", "make", output_dir="out")

# Packs the same folder over and over, until it is killed.
PACKER = """
import sys
from datetime import datetime, UTC
from pathlib import Path
from buildnet_cli.engine.local.artifacts import ArtifactFolder

folder, output = Path(sys.argv[1]), Path(sys.argv[2])
artifacts = ArtifactFolder(folder)
number = 0
print("ready", flush=True)
while True:
    (output / "number").write_text(str(number := number + 1))
    artifacts.keep(artifacts.pack(output, package="api", now=datetime.now(UTC), is_stopped=lambda: False))
"""


def never() -> bool:
    return False


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    (tmp_path / "out").mkdir()
    return Kept(tmp_path / "cache", limits=CacheLimits(size=40_000, warn_percent=80, unused=timedelta(days=30)))


async def store(kept: Kept, root: Path, key: str, size: int = 9_000) -> str:
    """Keep a result of about this size; why that was not possible."""
    (root / "out" / "noise").write_bytes(os.urandom(size))
    return await kept.stock.store(API, Memory(key), root, ("out",), never)


async def hashes(kept: Kept, *keys: str) -> list[bool]:
    """Which of these keys still have their result."""
    return [bool(await kept.stock.find(key, ("out",))) for key in keys]


def files(kept: Kept) -> set[str]:
    return {path.name.partition(".")[0] for path in kept.folder.folder.rglob("*") if path.is_file()}


async def test_a_cache_that_is_too_large_is_swept_once_with_one_event(kept: Kept, tmp_path: Path) -> None:
    assert isinstance(kept.clock, FakeClock)
    for number in range(5):
        await store(kept, tmp_path, f"k{number}")
        kept.clock.advance(60)
    assert await hashes(kept, "k0", "k1", "k2", "k3", "k4") == [False, False, True, True, True]
    assert kept.event_types.count("cache.artifact.evicted") == 1
    evicted = next(event for event in kept.events if event.type == "cache.artifact.evicted")
    assert (evicted.payload["artifacts"], evicted.payload["crowded"], evicted.payload["expired"]) == (2, 2, 0)
    assert "2 artifacts evicted" in evicted.message
    assert files(kept) == {artifact.hash for artifact in await kept.index.artifacts()}
    stats = await kept.stock.stats()
    assert (stats.artifacts, stats.limit) == (3, 40_000)
    assert stats.size == sum(path.stat().st_size for path in kept.folder.folder.rglob("*.tar.gz"))


async def test_use_keeps_an_artifact(kept: Kept, tmp_path: Path) -> None:
    assert isinstance(kept.clock, FakeClock)
    for number in range(4):
        await store(kept, tmp_path, f"k{number}")
        kept.clock.advance(60)
    assert await kept.stock.restore(API, await kept.stock.find("k0", ("out",)), tmp_path, never) == ""
    kept.clock.advance(60)
    await store(kept, tmp_path, "k4")
    assert await hashes(kept, "k0", "k1", "k2") == [True, False, False]


async def test_what_nobody_used_for_a_month_goes_at_the_next_start(kept: Kept, tmp_path: Path) -> None:
    assert isinstance(kept.clock, FakeClock)
    await store(kept, tmp_path, "k0")
    kept.clock.advance(timedelta(days=31).total_seconds())
    await kept.stock.open()
    assert (await kept.stock.stats()).artifacts == 0
    assert kept.events[-1].message.endswith("1 unused for too long")
    assert files(kept) == set()


async def test_an_artifact_in_use_survives_a_sweep_and_a_clearing(kept: Kept, tmp_path: Path) -> None:
    await store(kept, tmp_path, "k0")
    held = await kept.stock.find("k0", ("out",))
    begun, done = asyncio.Event(), asyncio.Event()
    touch = kept.index.touch

    async def slow_touch(hashes: set[str]) -> None:
        begun.set()
        await done.wait()
        await touch(hashes)

    kept.index.touch = slow_touch  # type: ignore[method-assign, assignment]  # the last thing that a restore does
    restoring = asyncio.create_task(kept.stock.restore(API, held, tmp_path, never))
    await begun.wait()
    kept.stock.limits = CacheLimits(size=1)
    await kept.stock.sweep()
    assert (await kept.stock.clear()).artifacts == 0
    done.set()
    assert await restoring == ""
    assert (await kept.stock.clear()).artifacts == 1


async def test_the_threshold_is_told_once_and_again_only_after_relief(kept: Kept, tmp_path: Path) -> None:
    async def told() -> int:
        await kept.stock.sweep()
        return kept.event_types.count("cache.threshold")

    for number in range(4):
        await store(kept, tmp_path, f"k{number}", 8_000)
    assert await told() == 1
    assert await told() == 1
    kept.stock.limits = CacheLimits(size=42_000)  # 77 %: within the margin
    assert await told() == 1
    await kept.stock.clear()
    assert await told() == 1
    kept.stock.limits = CacheLimits(size=40_000)
    for number in range(4):
        await store(kept, tmp_path, f"l{number}", 8_000)
    assert await told() == 2
    again = Kept(kept.folder.folder, store=kept.store, limits=kept.stock.limits)
    await again.stock.open()
    assert "cache.threshold" not in again.event_types


async def test_records_are_brought_in_line_with_the_disk_at_a_start(kept: Kept, tmp_path: Path) -> None:
    await store(kept, tmp_path, "k0")
    await store(kept, tmp_path, "k1")
    gone = (await kept.stock.find("k0", ("out",)))["out"]
    kept.folder.remove(gone)
    await kept.stock.open()
    assert await hashes(kept, "k0", "k1") == [False, True]


async def test_a_full_disk_keeps_nothing_and_says_so(kept: Kept, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert "No space left on device" in await store(kept, tmp_path, "k0")
    monkeypatch.undo()
    assert await hashes(kept, "k0") == [False]
    assert files(kept) == set()
    assert (await kept.index.recall("api", [])).key == "k0"


@pytest.mark.parametrize("after_ms", [0, 3, 7, 20, 50])
def test_a_kill_leaves_whole_artifacts_only(tmp_path: Path, after_ms: int) -> None:
    output = tmp_path / "out"
    output.mkdir()
    (output / "noise").write_bytes(os.urandom(300_000))
    with subprocess.Popen([sys.executable, "-c", PACKER, str(tmp_path / "cache"), str(output)], stdout=subprocess.PIPE) as packer:
        try:
            assert packer.stdout is not None
            packer.stdout.readline()
            time.sleep(after_ms / 1000)
        finally:
            packer.kill()
    folder = Kept(tmp_path / "cache").folder
    for artifact in folder.present():
        target = tmp_path / f"back-{artifact.hash}"
        folder.put_in_place(artifact.hash, target, is_stopped=never)
        assert (target / "noise").read_bytes() == (output / "noise").read_bytes()
    assert list((tmp_path / "cache").rglob(".*")) == []
