"""Random projects, requests, failures, cancels and pauses: order is kept, and every build ends once."""

from __future__ import annotations

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildnet_cli.engine.local import runner, work
from buildnet_cli.engine.local.log import BuildLog
from buildnet_cli.engine.model import Build, BuildStatus
from buildnet_cli.engine.project import Package, Project
from buildnet_cli.errors import ConflictError, NotFoundError
from tests.support.builds import MemoryRecorder
from tests.support.engines import local_engine

pytestmark = pytest.mark.integration


@dataclass(frozen=True)
class Story:
    """A project and what is done to it.

    needs: for each package the numbers of those it depends on. durations: of its builds, in turns of the loop.
    deeds: what is done, to which package or run, and after how many turns.
    """

    needs: list[set[int]]
    failing: set[int]
    durations: list[int]
    limit: int
    deeds: list[tuple[str, int, int]]


@st.composite
def stories(draw: st.DrawFn) -> Story:
    size = draw(st.integers(1, 60))
    needs = [draw(st.sets(st.integers(0, number - 1), max_size=3)) if number else set() for number in range(size)]
    deeds = st.tuples(
        st.sampled_from(["build", "build all", "cancel", "cancel run", "pause", "resume"]),
        st.integers(0, size - 1),
        st.integers(0, 30),
    )
    return Story(
        needs,
        draw(st.sets(st.integers(0, size - 1), max_size=4)),
        draw(st.lists(st.integers(0, 12), min_size=size, max_size=size)),
        draw(st.integers(1, 5)),
        draw(st.lists(deeds, min_size=1, max_size=12)),
    )


def project_of(story: Story, root: Path) -> Project:
    packages = {
        f"p{number}": Package(f"p{number}", ".", "true", tuple(f"p{need}" for need in sorted(needs)), is_cached=False)
        for number, needs in enumerate(story.needs)
    }
    return Project(root, packages, story.limit)


@dataclass
class Site:
    """Stands in for the processes: what they would do, and what is wrong about when they do it."""

    story: Story
    rows: MemoryRecorder
    at_work: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    async def run(self, package: Package, log: BuildLog, *, stop: runner.Stop, **_: Any) -> runner.Result:
        log.close()
        self._look(package, self.rows.rows[log.path.parent.name])
        number = int(package.name[1:])
        self.at_work.append(package.name)
        try:
            for _turn in range(self.story.durations[number]):
                await asyncio.sleep(0)
                if stop.is_asked:
                    return runner.Result(BuildStatus.CANCELLED, stop.reason, 143)
        finally:
            self.at_work.remove(package.name)
        failed = number in self.story.failing
        return runner.Result(BuildStatus.FAILED, "exit", 1) if failed else runner.Result(BuildStatus.COMPLETED, exit_code=0)

    def _look(self, package: Package, build: Build) -> None:
        if package.name in self.at_work:
            self.wrongs.append(f"{package.name} runs twice at once")
        if len(self.at_work) >= self.story.limit:
            self.wrongs.append(f"{package.name} is one too many")
        if build.status is not BuildStatus.RUNNING:
            self.wrongs.append(f"{package.name} runs before its row says so")
        for name in package.dependencies:
            before = [row for row in self.rows.rows.values() if row.package == name and row.id < build.id]
            if not before or not max(before, key=lambda row: row.id).status.is_success:
                self.wrongs.append(f"{package.name} runs though {name} did not succeed")


async def play(story: Story, rows: MemoryRecorder, root: Path) -> None:
    async with local_engine(project_of(story, root), rows, root) as engine:
        await engine.enqueue(None, requested_by="test")
        runs = [next(iter(rows.rows.values())).run_id]
        for deed, number, turns in story.deeds:
            for _ in range(turns):
                await asyncio.sleep(0)
            if deed.startswith("build"):
                wanted = f"p{number}" if deed == "build" else None
                runs.append((await engine.enqueue(wanted, requested_by="test")).run_id)
            elif deed.startswith("cancel"):
                try:
                    await engine.cancel(f"p{number}" if deed == "cancel" else runs[number % len(runs)], requested_by="cli")
                except (NotFoundError, ConflictError):
                    continue
            elif deed == "pause":
                await engine.pause()
            else:
                await engine.resume()
        await engine.resume()
        await rows.until_finished()


ORDER = {BuildStatus.QUEUED: 0, BuildStatus.RUNNING: 1}


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
@given(story=stories())
def test_whatever_happens_order_is_kept_and_every_build_ends_once(story: Story, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = MemoryRecorder()
    site = Site(story, rows)
    monkeypatch.setattr(work.runner, "run", site.run)
    with tempfile.TemporaryDirectory() as root:
        asyncio.run(play(story, rows, Path(root)))
    assert site.wrongs == []
    assert site.at_work == []
    by_build: dict[str, list[BuildStatus]] = {}
    for row in rows.history:
        by_build.setdefault(row.id, []).append(row.status)
    for states in by_build.values():
        assert [ORDER.get(state, 2) for state in states] in ([0, 1, 2], [0, 2]), states
    ends = Counter(
        event.payload["id"] for event in rows.events if event.type.split(".")[1] in ("completed", "failed", "cancelled")
    )
    told = {row.id for row in rows.rows.values() if row.status is not BuildStatus.SKIPPED}
    assert ends == Counter(told), "each end has its event, and a skipped build is told of with the failure that caused it"
    for row in rows.rows.values():
        if row.status is BuildStatus.SKIPPED:
            assert row.reason == "dependency"
            assert row.error is not None
            cause = row.error.headline.removeprefix("Not built, because ").removesuffix(" failed")
            assert int(cause[1:]) in story.failing


def test_the_site_notices_what_would_be_wrong(tmp_path: Path) -> None:
    rows = MemoryRecorder()
    site = Site(Story([set(), {0}], set(), [0, 0], 1, []), rows)
    build = replace(_build("build_1", "p1"), status=BuildStatus.QUEUED)
    site.at_work.append("p1")
    site._look(Package("p1", ".", "true", ("p0",)), build)
    assert len(site.wrongs) == 4


def _build(id_: str, package: str) -> Build:
    from tests.support.clocks import START

    return Build(id_, "run_1", package, BuildStatus.RUNNING, "test", START)
