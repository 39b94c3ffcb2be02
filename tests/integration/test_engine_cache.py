"""The local engine with a cache: what is built, what is not, and why. Real shells, real files; only the rows are in memory."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from buildnet_cli.clock import SystemClock
from buildnet_cli.engine.local.engine import LocalEngine
from buildnet_cli.engine.local.eviction import CacheLimits
from buildnet_cli.engine.model import Build, BuildStatus, Tier
from buildnet_cli.engine.project import Package, Project, load_project
from buildnet_cli.process.spawn import child_environment
from tests.support.builds import MemoryRecorder
from tests.support.caches import Kept
from tests.support.waiting import until

pytestmark = pytest.mark.integration

EXAMPLE = Path(__file__).parents[2] / "examples" / "monorepo"

# Each build leaves a line outside of the project, so that a test can count what really ran.
COPY = "echo ran >> ../../ran; mkdir -p out && cat src/* > out/all"


class Workshop:
    """A project in a folder, and engines that come and go over the same cache."""

    def __init__(self, folder: Path) -> None:
        self.root = folder / "project"
        self.rows = MemoryRecorder()
        self.kept = Kept(folder / "cache", clock=SystemClock())
        self.environment = child_environment(os.environ)
        self.packages = {"api": Package("api", "api", COPY, sources=("api/src/**",), output_dir="api/out")}
        (self.root / "api" / "src").mkdir(parents=True)
        for name in "abcdef":
            (self.root / "api" / "src" / name).write_text(f"{name}\n")
        self._folder = folder

    def change(self, **fields: object) -> None:
        """The same package, differently."""
        self.packages["api"] = replace(self.packages["api"], **fields)  # type: ignore[arg-type]  # as replace() has it

    @property
    def ran(self) -> int:
        """How many commands have been run."""
        path = self._folder / "ran"
        return len(path.read_text().splitlines()) if path.exists() else 0

    @property
    def output(self) -> Path:
        return self.root / "api" / "out" / "all"

    def source(self, name: str) -> Path:
        return self.root / "api" / "src" / name

    @asynccontextmanager
    async def engine(self) -> AsyncIterator[LocalEngine]:
        engine = LocalEngine(
            Project(self.root, self.packages, 4, timedelta(seconds=60)),
            self.rows,
            cache=self.kept.cache,
            clock=SystemClock(),
            logs=self._folder / "builds",
            environment=self.environment,
            grace_secs=0.2,
        )
        await engine.start()
        try:
            yield engine
        finally:
            await engine.shutdown()

    async def build(self, package: str = "api", *, is_forced: bool = False) -> Build:
        """Build it to its end; the last row."""
        async with self.engine() as engine:
            await engine.enqueue(package, requested_by="cli", is_forced=is_forced)
            await self.rows.until_finished()
        return self.rows.newest(package)


@pytest.fixture
def shop(tmp_path: Path) -> Workshop:
    return Workshop(tmp_path)


async def test_a_first_build_is_a_full_one_and_its_result_is_kept(shop: Workshop) -> None:
    row = await shop.build()
    assert (row.status, row.tier) == (BuildStatus.COMPLETED, Tier.FULL_BUILD)
    assert row.why is not None
    assert (row.why.summary, row.why.remark) == ("it has not succeeded before", "")
    assert shop.kept.event_types == ["cache.artifact.created"]
    (artifact,) = await shop.kept.index.artifacts()
    path = shop.kept.folder.path_of(artifact.hash)
    assert path == shop.kept.folder.folder / artifact.hash[:2] / f"{artifact.hash}.tar.gz"
    assert path.with_name(f"{artifact.hash}.json").exists()
    assert (artifact.package, artifact.files, artifact.size) == ("api", 1, path.stat().st_size)


async def test_a_forced_build_runs_though_nothing_has_changed_and_is_kept_like_any_other(shop: Workshop) -> None:
    await shop.build()
    row = await shop.build(is_forced=True)
    assert (row.status, row.tier, shop.ran) == (BuildStatus.COMPLETED, Tier.FULL_BUILD, 2)
    assert row.why is not None
    assert row.why.summary == "it was asked for with --force"
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_a_forced_build_is_cleaned_before_and_no_other_is(shop: Workshop) -> None:
    shop.change(clean_cmd="echo cleaned >> ../../cleaned; rm -rf out\nexit 0")
    await shop.build()
    shop.output.with_name("stale").write_text("left by hand")
    assert (await shop.build(is_forced=True)).status is BuildStatus.COMPLETED
    assert [path.name for path in shop.output.parent.iterdir()] == ["all"]
    assert (shop.root.parent / "cleaned").read_text() == "cleaned\n"


async def test_what_cannot_be_cleaned_is_not_built(shop: Workshop) -> None:
    shop.change(clean_cmd="false")
    row = await shop.build(is_forced=True)
    assert (row.status, row.exit_code, shop.ran) == (BuildStatus.FAILED, 1, 0)


async def test_what_a_forced_build_depends_on_is_not_forced(shop: Workshop) -> None:
    shop.packages["ui"] = Package("ui", "api", "true", ("api",), sources=("api/src/a",))
    await shop.build("ui")
    assert (await shop.build("ui", is_forced=True)).tier is Tier.FULL_BUILD
    assert (shop.rows.newest("api").tier, shop.rows.newest("api").is_forced) == (Tier.INSTANT_SKIP, False)


async def test_nothing_runs_when_nothing_has_changed(shop: Workshop) -> None:
    await shop.build()
    row = await shop.build()
    assert (row.status, row.tier, row.exit_code, shop.ran) == (BuildStatus.CACHED, Tier.INSTANT_SKIP, None, 1)
    assert shop.rows.event_types("api")[-2:] == ["build.queued", "build.cached"]
    assert row.why is not None
    assert row.why.summary == "nothing has changed since its last success"
    assert row.duration is not None


async def test_a_touched_file_is_no_changed_file(shop: Workshop) -> None:
    await shop.build()
    os.utime(shop.source("a"))
    os.utime(shop.output)
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_removed_outputs_are_restored_without_a_process(shop: Workshop) -> None:
    await shop.build()
    shutil.rmtree(shop.root / "api" / "out")
    row = await shop.build()
    assert (row.status, row.tier, shop.ran) == (BuildStatus.CACHED, Tier.CACHE_RESTORE, 1)
    assert row.why is not None
    assert row.why.summary == "api/out is missing"
    assert shop.output.read_text() == "a\nb\nc\nd\ne\nf\n"
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_changed_outputs_are_put_right_and_stray_ones_removed(shop: Workshop) -> None:
    await shop.build()
    shop.output.write_text("vandalised")
    (shop.root / "api" / "out" / "stray").write_text("old")
    row = await shop.build()
    assert row.tier is Tier.CACHE_RESTORE
    assert [path.name for path in (shop.root / "api" / "out").iterdir()] == ["all"]
    assert shop.output.read_text() == "a\nb\nc\nd\ne\nf\n"
    assert [path.name for path in (shop.root / "api").iterdir() if path.name.startswith(".")] == []


async def test_going_back_to_what_was_built_before_restores_it(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").write_text("other\n")
    assert (await shop.build()).tier is Tier.SMART_INCREMENTAL
    shop.source("a").write_text("a\n")
    row = await shop.build()
    assert (row.tier, shop.ran) == (Tier.CACHE_RESTORE, 2)
    assert shop.output.read_text() == "a\nb\nc\nd\ne\nf\n"


async def test_changed_sources_are_named(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").write_text("other\n")
    shop.source("new").write_text("new\n")
    shop.source("b").unlink()
    row = await shop.build()
    assert (row.status, row.tier) == (BuildStatus.COMPLETED, Tier.SMART_INCREMENTAL)
    assert row.why is not None
    assert (row.why.changed, row.why.added, row.why.removed) == (("api/src/a",), ("api/src/new",), ("api/src/b",))
    assert row.why.summary == "api/src/a changed, api/src/new added, api/src/b removed"


async def test_a_renamed_file_is_a_change(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").rename(shop.source("z"))
    assert (await shop.build()).status is BuildStatus.COMPLETED


async def test_the_exec_bit_is_part_of_a_source(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").chmod(0o755)
    assert (await shop.build()).status is BuildStatus.COMPLETED


async def test_hardly_any_change_runs_the_short_command(shop: Workshop) -> None:
    for number in range(60):
        shop.source(f"more{number}").write_text("")
    shop.change(micro_cmd="echo short > out/all")
    assert (await shop.build()).tier is Tier.FULL_BUILD
    shop.source("a").write_text("other\n")
    assert (await shop.build()).tier is Tier.MICRO_INCREMENTAL
    assert shop.output.read_text() == "short\n"


async def test_another_command_is_a_full_build(shop: Workshop) -> None:
    await shop.build()
    shop.change(build_cmd=f"{COPY}; true")
    row = await shop.build()
    assert row.tier is Tier.FULL_BUILD
    assert row.why is not None
    assert (row.why.summary, row.why.also) == ("the command changed", ("the command",))


async def test_a_declared_variable_counts_and_its_value_is_stored_nowhere(shop: Workshop) -> None:
    shop.change(env=("TOKEN",))
    shop.environment = {**shop.environment, "TOKEN": "hunter2-the-first"}
    await shop.build()
    shop.environment = {**shop.environment, "TOKEN": "hunter2-the-second", "OTHER": "does not count"}
    row = await shop.build()
    assert row.tier is Tier.FULL_BUILD
    assert row.why is not None
    assert row.why.also == ("environment TOKEN",)
    assert "hunter2" not in "".join(shop.kept.store.db.conn.iterdump())
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_another_toolchain_is_a_full_build(shop: Workshop, tmp_path: Path) -> None:
    tool = tmp_path / "bin" / "mytool"
    tool.parent.mkdir()
    tool.write_text("#!/bin/sh\necho version 1\n")
    tool.chmod(0o755)
    shop.environment = {**shop.environment, "PATH": f"{tool.parent}:{shop.environment['PATH']}"}
    shop.change(toolchain=("mytool --version",))
    await shop.build()
    assert (await shop.build()).tier is Tier.INSTANT_SKIP
    tool.write_text("#!/bin/sh\necho version 2 \n")
    row = await shop.build()
    assert row.tier is Tier.FULL_BUILD
    assert row.why is not None
    assert row.why.also == ("toolchain mytool --version",)


@pytest.mark.parametrize(
    ("name", "where", "tier", "said"),
    [
        ("package-lock.json", "", Tier.FULL_BUILD, "lockfile package-lock.json"),
        ("Cargo.lock", "api", Tier.FULL_BUILD, "lockfile api/Cargo.lock"),
        ("package.json", "api", Tier.SMART_INCREMENTAL, "manifest api/package.json"),
        ("tsconfig.base.json", "", Tier.SMART_INCREMENTAL, "manifest tsconfig.base.json"),
    ],
)
async def test_the_nearest_lockfiles_and_manifests_count(shop: Workshop, name: str, where: str, tier: Tier, said: str) -> None:
    path = shop.root / where / name
    path.write_text("{}")
    await shop.build()
    path.write_text("{ }")
    row = await shop.build()
    assert row.tier is tier
    assert row.why is not None
    assert row.why.also == (said,)


async def test_a_dependency_that_was_built_anew_counts(shop: Workshop) -> None:
    shop.packages["lib"] = Package("lib", ".", "mkdir -p lib && cat lib.c > lib/lib.a", (), ("lib.c",), "lib")
    shop.change(dependencies=("lib",))
    (shop.root / "lib.c").write_text("1")
    await shop.build()
    assert (await shop.build()).tier is Tier.INSTANT_SKIP
    (shop.root / "lib.c").write_text("2")
    row = await shop.build()
    assert row.tier is Tier.SMART_INCREMENTAL
    assert row.why is not None
    assert row.why.summary == "dependency lib changed"


async def test_what_depends_on_a_package_without_key_is_built_every_time(shop: Workshop) -> None:
    shop.packages["setup"] = Package("setup", ".", "true")
    shop.change(dependencies=("setup",))
    await shop.build()
    row = await shop.build()
    assert (row.status, shop.ran) == (BuildStatus.COMPLETED, 2)
    assert row.why is not None
    assert row.why.also == ("dependency setup",)
    never = shop.rows.newest("setup").why
    assert never is not None
    assert never.remark == "it declares neither sources nor an output_dir"


async def test_a_package_without_outputs_is_skipped_if_it_declares_sources(shop: Workshop) -> None:
    shop.change(output_dir="", build_cmd="echo ran >> ../../ran")
    await shop.build()
    assert (await shop.build()).tier is Tier.INSTANT_SKIP
    shop.source("a").write_text("other\n")
    assert (await shop.build()).status is BuildStatus.COMPLETED
    assert shop.ran == 2


async def test_a_package_that_is_not_to_be_cached_is_not(shop: Workshop) -> None:
    shop.change(is_cached=False)
    await shop.build()
    assert (await shop.build()).tier is Tier.FULL_BUILD
    assert (shop.ran, shop.kept.events) == (2, [])


async def test_globs_that_match_nothing_never_skip(shop: Workshop) -> None:
    shop.change(sources=("api/source/**/*.{ts,tsx}",))
    await shop.build()
    row = await shop.build()
    assert (row.tier, shop.ran) == (Tier.FULL_BUILD, 2)
    assert row.why is not None
    assert row.why.remark == "its sources match no file"


async def test_a_glob_that_leads_out_never_skips(shop: Workshop) -> None:
    shop.change(sources=("../**",))
    await shop.build()
    row = await shop.build()
    assert (row.tier, shop.ran) == (Tier.FULL_BUILD, 2)
    assert row.why is not None
    assert "leads out of the project" in row.why.remark


async def test_missing_outputs_are_named_beside_what_else_differs(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").write_text("other\n")
    shutil.rmtree(shop.root / "api" / "out")
    row = await shop.build()
    assert row.tier is Tier.FULL_BUILD
    assert row.why is not None
    assert row.why.summary == "api/src/a changed, api/out is missing"


async def test_a_failure_is_remembered_by_nobody_and_tells_what_changed(shop: Workshop) -> None:
    await shop.build()
    shop.source("a").write_text("broken\n")
    shop.change(build_cmd=f"{COPY}; ! grep -q broken src/a")
    assert (await shop.build()).status is BuildStatus.FAILED
    failed = next(event for event in shop.rows.events if event.type == "build.failed")
    assert failed.payload["why"] == {
        "summary": "api/src/a changed, the command changed",
        "changed": ["api/src/a"],
        "added": [],
        "removed": [],
        "more": 0,
        "also": ["the command"],
        "remark": None,
    }
    assert (await shop.build()).status is BuildStatus.FAILED


async def test_sources_that_change_during_a_build_are_not_taken_for_built(shop: Workshop) -> None:
    shop.change(build_cmd=f"{COPY}; echo later >> src/a")
    row = await shop.build()
    assert row.why is not None
    assert row.why.remark == "its result is not cached: api/src/a changed while it was built"
    assert shop.kept.events == []
    assert (await shop.build()).status is BuildStatus.COMPLETED
    assert shop.ran == 2


async def test_a_lockfile_that_a_build_writes_is_taken_as_it_was_left(shop: Workshop) -> None:
    shop.change(build_cmd=f"{COPY}; echo locked > package-lock.json")
    row = await shop.build()
    assert row.why is not None
    assert row.why.remark == "its result is not cached: lockfile api/package-lock.json changed while it was built"
    assert (await shop.build()).status is BuildStatus.COMPLETED
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_a_dependency_that_is_built_meanwhile_spoils_the_result(shop: Workshop) -> None:
    shop.packages["lib"] = Package("lib", ".", "mkdir -p lib && cat lib.c > lib/lib.a", (), ("lib.c",), "lib")
    shop.change(dependencies=("lib",), build_cmd=f"{COPY}; touch ../begun; until [ -e ../go ]; do sleep 0.01; done")
    (shop.root / "lib.c").write_text("1")
    async with shop.engine() as engine:
        await engine.enqueue("api", requested_by="cli")
        await until(lambda: (shop.root / "begun").exists())
        (shop.root / "lib.c").write_text("2")
        ticket = await engine.enqueue("lib", requested_by="cli")
        await shop.rows.until_finished(ticket.builds[0].id)
        (shop.root / "go").touch()
        await shop.rows.until_finished()
    why = shop.rows.newest("api").why
    assert why is not None
    assert why.remark == "its result is not cached: dependency lib changed while it was built"
    assert (await shop.build()).status is BuildStatus.COMPLETED


@pytest.mark.parametrize("damage", [b"", b"not an archive", None], ids=["empty", "other bytes", "gone"])
async def test_a_damaged_artifact_is_put_aside_and_the_package_built(shop: Workshop, damage: bytes | None) -> None:
    await shop.build()
    (artifact,) = await shop.kept.index.artifacts()
    path = shop.kept.folder.path_of(artifact.hash)
    if damage is None:
        path.unlink()
    else:
        path.write_bytes(damage)
    shutil.rmtree(shop.root / "api" / "out")
    async with shop.engine() as engine:  # its start would notice that a file is gone
        if damage is None:
            await shop.kept.index.adopt([artifact])
            db = shop.kept.store.db
            key = db.execute("SELECT key FROM successes").fetchone()[0]
            db.execute("INSERT INTO cached_outputs VALUES (?, 'api/out', ?) ON CONFLICT DO NOTHING", [key, artifact.hash])
        await engine.enqueue("api", requested_by="cli")
        await shop.rows.until_finished()
    row = shop.rows.newest("api")
    assert (row.status, row.tier, shop.ran) == (BuildStatus.COMPLETED, Tier.FULL_BUILD, 2)
    assert row.why is not None
    assert row.why.remark == "its artifact was damaged"
    assert shop.kept.event_types == ["cache.artifact.created", "cache.artifact.evicted", "cache.artifact.created"]
    assert shop.kept.events[1].payload["reason"] == "damaged"
    shutil.rmtree(shop.root / "api" / "out")
    assert (await shop.build()).tier is Tier.CACHE_RESTORE


@pytest.mark.parametrize(
    ("output", "said"),
    [
        (".", "is the project itself"),
        ("../elsewhere", "is outside the project"),
        ("link", "is a symlink"),
        ("api", "holds the folder of api"),
        ("api/src", "holds the sources of api"),
        (".git/objects", "belongs to another tool"),
        (".buildnet/cache", "belongs to another tool"),
        ("generated/out", "overlaps generated, an output_dir of other"),
    ],
)
async def test_outputs_that_could_overwrite_sources_are_never_replaced(shop: Workshop, output: str, said: str) -> None:
    elsewhere = shop.root.parent / "elsewhere"
    elsewhere.mkdir()
    (shop.root / "link").symlink_to(elsewhere)
    shop.packages["other"] = Package("other", ".", "true", (), ("README",), "generated")
    shop.change(output_dir=output, build_cmd=f"echo ran >> ../../ran; mkdir -p ../{output}; echo $$ > ../{output}/made")
    row = await shop.build()
    assert row.status is BuildStatus.COMPLETED
    assert row.why is not None
    assert said in row.why.remark
    assert shop.kept.events == []
    before = sorted(path for path in shop.root.parent.rglob("*") if path.name != "ran")
    (shop.root / output / "made").unlink()
    assert (await shop.build()).status is BuildStatus.COMPLETED
    assert shop.ran == 2
    assert {path for path in before if not path.exists() and not path.is_symlink()} == set()


async def test_a_socket_among_the_outputs_is_not_cached_but_the_build_is_fine(shop: Workshop) -> None:
    shop.change(build_cmd=f"{COPY}; mkfifo out/pipe")
    row = await shop.build()
    assert row.status is BuildStatus.COMPLETED
    assert row.why is not None
    assert "'pipe': it is no file, folder or symlink" in row.why.remark
    assert list(shop.kept.folder.folder.rglob("*")) == []


async def test_an_artifact_is_refused_that_alone_fills_the_cache(shop: Workshop) -> None:
    shop.kept.stock.limits = CacheLimits(size=10)
    row = await shop.build()
    assert row.why is not None
    assert "all of the cache may take 10 B" in row.why.remark
    assert list(shop.kept.folder.folder.rglob("*")) == []


async def test_several_output_folders_are_kept_and_restored_together(shop: Workshop) -> None:
    shop.change(build_cmd=f"{COPY}; mkdir -p types; echo t > types/t", more_outputs=("api/types",))
    await shop.build()
    assert shop.kept.event_types == ["cache.artifact.created"] * 2
    shutil.rmtree(shop.root / "api" / "types")
    shop.output.write_text("vandalised")
    assert (await shop.build()).tier is Tier.CACHE_RESTORE
    assert (shop.root / "api" / "types" / "t").read_text() == "t\n"
    assert shop.output.read_text() != "vandalised"


async def test_modes_links_and_empty_folders_come_back(shop: Workshop) -> None:
    shop.change(
        build_cmd="mkdir -p out/empty out/deep && echo x > out/deep/tool && chmod 755 out/deep/tool && ln -s deep/tool out/it"
    )
    await shop.build()
    shutil.rmtree(shop.root / "api" / "out")
    assert (await shop.build()).tier is Tier.CACHE_RESTORE
    out = shop.root / "api" / "out"
    assert os.access(out / "deep" / "tool", os.X_OK)
    assert (out / "it").readlink() == Path("deep/tool")
    assert (out / "empty").is_dir()


async def test_equal_results_are_one_artifact(shop: Workshop) -> None:
    shop.change(build_cmd="mkdir -p out; rm -f out/*; echo same > out/all")
    await shop.build()
    shop.source("a").write_text("other\n")
    await shop.build()
    assert len(await shop.kept.index.artifacts()) == 1
    assert shop.kept.event_types == ["cache.artifact.created"]


async def test_a_cleared_cache_is_empty_and_what_is_in_place_stays_so(shop: Workshop) -> None:
    await shop.build()
    async with shop.engine() as engine:
        held = await engine.cache_stats()
        removed = await engine.cache_clear()
        after = await engine.cache_stats()
    assert (held.artifacts, removed.artifacts, after.artifacts, after.size) == (1, 1, 0, 0)
    assert removed.size == held.size
    assert shop.kept.event_types == ["cache.artifact.created", "cache.cleared"]
    assert [path for path in shop.kept.folder.folder.rglob("*") if path.is_file()] == []
    assert (await shop.build()).tier is Tier.INSTANT_SKIP
    shutil.rmtree(shop.root / "api" / "out")
    assert (await shop.build()).tier is Tier.FULL_BUILD


async def test_a_build_that_is_cancelled_leaves_nothing_in_the_cache(shop: Workshop) -> None:
    shop.change(build_cmd=f"{COPY}; echo $$ > out/pid; sleep 60")
    async with shop.engine() as engine:
        await engine.enqueue("api", requested_by="cli")
        await shop.rows.until_running("api")
        await until(lambda: (shop.root / "api" / "out" / "pid").exists())
        await engine.cancel("api", requested_by="cli")
    assert shop.kept.events == []
    shop.change(build_cmd=COPY)
    assert (await shop.build()).status is BuildStatus.COMPLETED


async def test_a_cache_that_cannot_be_written_costs_time_and_no_build(shop: Workshop) -> None:
    shop.kept.folder.folder.write_text("a file where the folder should be")
    row = await shop.build()
    assert row.status is BuildStatus.COMPLETED
    assert row.why is not None
    assert row.why.remark.startswith("its result is not cached: ")
    assert (await shop.build()).tier is Tier.INSTANT_SKIP


async def test_a_database_that_refuses_costs_time_and_no_build(shop: Workshop) -> None:
    await shop.build()
    shop.kept.store.refuses = True
    shop.source("a").write_text("other\n")
    assert (await shop.build()).status is BuildStatus.COMPLETED


async def test_a_damaged_memory_costs_time_and_no_build(shop: Workshop) -> None:
    await shop.build()
    shop.kept.store.db.execute("UPDATE successes SET parts = '[1]', digests = '{\"api/src/a\": 7}'")
    row = await shop.build()
    assert (row.status, shop.ran) == (BuildStatus.COMPLETED, 2)


async def test_the_example_is_built_once_and_then_not_again(tmp_path: Path) -> None:
    root = tmp_path / "monorepo"
    shutil.copytree(EXAMPLE, root)
    project = load_project(root, Path(".buildnet/config.json"))
    rows, kept = MemoryRecorder(), Kept(tmp_path / "cache", clock=SystemClock())
    tiers = []
    for _ in range(2):
        engine = LocalEngine(
            project, rows, cache=kept.cache, clock=SystemClock(), logs=tmp_path, environment=child_environment(os.environ)
        )
        await engine.start()
        await engine.enqueue(None, requested_by="cli")
        await rows.until_finished()
        await engine.shutdown()
        tiers.append([rows.newest(name).tier for name in project.packages])
    assert tiers == [[Tier.FULL_BUILD] * 4, [Tier.INSTANT_SKIP] * 4]


async def test_builds_side_by_side_share_the_cache(shop: Workshop) -> None:
    for number in range(6):
        name = f"p{number}"
        (shop.root / name).mkdir()
        (shop.root / name / "in").write_text("same")
        shop.packages[name] = Package(name, name, "mkdir -p out; cp in out/", (), (f"{name}/in",), f"{name}/out")
    async with shop.engine() as engine:
        await asyncio.gather(*(engine.enqueue(name, requested_by="cli") for name in shop.packages))
        await shop.rows.until_finished()
        assert {row.status for row in shop.rows.rows.values()} == {BuildStatus.COMPLETED}
    assert len(await shop.kept.index.artifacts()) == 2
