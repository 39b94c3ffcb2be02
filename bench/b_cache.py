"""E1, E2: what a build costs that need not be done, and what it costs to put a result back."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from blake3 import blake3
from lib.goal import Result, result

from buildnet_cli.agent.wiring import Parts, assemble
from buildnet_cli.clock import SystemClock
from buildnet_cli.config.loader import load
from buildnet_cli.paths import Workspace, prepare_state

PACKAGES = 200
FILES = 50


def measure_nothing_to_do(*, quick: bool) -> Iterator[Result]:
    """A rebuild of 200 unchanged packages with 50 files each, against git status and a bare walk that hashes every file."""
    rounds = 3 if quick else 7
    with tempfile.TemporaryDirectory(prefix="buildnet-bench-") as folder:
        root = Path(folder).resolve()
        _make_packages(root)
        for argv in (["init", "-q"], ["add", "-A"]):
            subprocess.run(["git", *argv], cwd=root, check=True)
        ours, git, walk = zip(*asyncio.run(_rebuilds(root, rounds)), strict=True)
    value = f"{statistics.median(ours) * 1000:.0f} ms"
    for name, reference, gate, stretch in (("git status", git, 60, 25), ("a bare walk-and-hash", walk, 8, 3)):
        yield result(
            "E1",
            "no-op rebuild, 200 × 50 files",
            [mine / least for mine, least in zip(ours, reference, strict=True)],
            gate=gate,
            stretch=stretch,
            reference=f"{name}: {statistics.median(reference) * 1000:.0f} ms",
            value=value,
        )


def measure_restore(*, quick: bool) -> Iterator[Result]:
    """Putting back a folder of 2,000 files, against tar x of the same archive."""
    rounds = 3 if quick else 7
    with tempfile.TemporaryDirectory(prefix="buildnet-bench-") as folder:
        root = Path(folder).resolve()
        ours, tar = asyncio.run(_restores(root, rounds))
    yield result(
        "E2",
        "restore of 2,000 files",
        [mine / least for mine, least in zip(ours, tar, strict=True)],
        gate=12,
        stretch=5,
        reference=f"tar x: {statistics.median(tar) * 1000:.0f} ms",
        value=f"{statistics.median(ours) * 1000:.0f} ms",
    )


async def _rebuilds(root: Path, rounds: int) -> list[tuple[float, float, float]]:
    """Our own time, that of git status and that of the walk, side by side in each round."""
    parts = _open(root)
    try:
        await parts.engine.start()
        await _build_all(parts)
        await asyncio.sleep(2.5)  # a file is read again until its times are old enough to be trusted
        await _build_all(parts)
        times = []
        for _ in range(rounds):
            begin = time.perf_counter()
            await _build_all(parts)
            ours = time.perf_counter() - begin
            git = _secs(lambda: subprocess.run(["git", "status"], cwd=root, check=True, capture_output=True))
            times.append((ours, git, _secs(lambda: _walk_and_hash(root))))
        newest = await parts.builds.recent(limit=PACKAGES)
        assert {build.tier for build in newest} == {"InstantSkip"}, {build.why for build in newest}
        return times
    finally:
        await _close(parts)


async def _restores(root: Path, rounds: int) -> tuple[list[float], list[float]]:
    command = "rm -rf out; mkdir out; for n in $(seq 2000); do seq $n $((n + 300)) > out/$n; done"
    (root / "source").write_text("1")
    package = {"name": "p", "path": ".", "build_cmd": command, "sources": ["source"], "output_dir": "out"}
    _write_project(root, [package])
    parts = _open(root)
    ours, tar = [], []
    try:
        await parts.engine.start()
        await _build_all(parts)
        (archive,) = (root / ".buildnet" / "cache").glob("??/*.tar.gz")
        for number in range(rounds):
            shutil.rmtree(root / "out")
            begin = time.perf_counter()
            await _build_all(parts)
            ours.append(time.perf_counter() - begin)
            target = root / f"tar{number}"
            target.mkdir()
            tar.append(_secs(lambda: subprocess.run(["tar", "xzf", archive, "-C", target], check=True)))  # noqa: B023  (called at once)
        (newest,) = await parts.builds.recent(limit=1)
        assert newest.tier == "CacheRestore", newest.why
        return ours, tar
    finally:
        await _close(parts)


async def _build_all(parts: Parts) -> None:
    await parts.engine.enqueue(None, requested_by="bench")
    while (status := await parts.engine.status()).running or status.queued:  # noqa: ASYNC110  (nobody tells us of the end)
        await asyncio.sleep(0.001)


def _make_packages(root: Path) -> None:
    packages = []
    for number in range(PACKAGES):
        source = root / f"p{number}" / "src"
        source.mkdir(parents=True)
        for file in range(FILES):
            (source / f"{file}.c").write_text(f"int f{number}_{file};\n" * 40)
        packages.append(
            {
                "name": f"p{number}",
                "path": f"p{number}",
                "build_cmd": "mkdir -p out && cat src/* > out/all",
                "sources": [f"p{number}/src/**/*.{{c,h}}"],
                "output_dir": f"p{number}/out",
            }
        )
    _write_project(root, packages)
    (root / ".gitignore").write_text("out\n.buildnet\n")


def _write_project(root: Path, packages: list[dict[str, object]]) -> None:
    prepare_state(root / ".buildnet")
    (root / ".buildnet" / "config.json").write_text(json.dumps({"project_root": ".", "packages": packages}))
    (root / ".buildnet" / "notifications.yaml").write_text("agent: {api: {port: 0}}\n")


def _open(root: Path) -> Parts:
    workspace = Workspace(root, root / ".buildnet" / "notifications.yaml", root / ".buildnet")
    return assemble(workspace, load(workspace.config, lambda _: None), SystemClock(), console=None)


async def _close(parts: Parts) -> None:
    await parts.engine.shutdown()
    await parts.http.close()
    parts.store.close()


def _walk_and_hash(root: Path) -> None:
    """The least that tells whether a file has changed, without remembering anything."""
    for folder, folders, names in os.walk(root):
        folders[:] = [name for name in folders if name not in (".git", ".buildnet", "out")]
        for name in names:
            with open(f"{folder}/{name}", "rb") as file:  # noqa: PTH123  (the least that it takes)
                blake3(file.read()).hexdigest()


def _secs(call: object) -> float:
    begin = time.perf_counter()
    call()  # type: ignore[operator]  # a function without arguments
    return time.perf_counter() - begin


MEASURES = [measure_nothing_to_do, measure_restore]
