"""Records of the cache: what goes in comes out, and goes with what it belongs to."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
import sqlite_utils

from buildnet_cli.engine.local.artifacts import Artifact
from buildnet_cli.engine.local.cache_events import threshold
from buildnet_cli.engine.local.eviction import CacheLimits
from buildnet_cli.engine.local.index import Holdings, Memory
from buildnet_cli.engine.model import Build, BuildStatus, Tier, Why
from buildnet_cli.errors import StorageError
from buildnet_cli.store import builds
from buildnet_cli.store.migrations import SCHEMA_VERSION, migrations
from tests.support.caches import Kept
from tests.support.clocks import START, FakeClock
from tests.support.stores import memory_database

MEMORY = Memory("k1", '{"parts": 1}', '{"outputs": 1}', '{"digests": 1}')


def artifact(name: str, size: int = 10) -> Artifact:
    return Artifact(name, "api", size, 3, START, START)


@pytest.fixture
def kept(tmp_path: Path) -> Kept:
    return Kept(tmp_path)


async def test_a_success_is_recalled_with_the_keys_of_what_it_depends_on(kept: Kept) -> None:
    await kept.index.remember("lib", Memory("k0"), {})
    await kept.index.remember("api", MEMORY, {})
    assert await kept.index.recall("api", ["lib", "unknown"]) == Memory(
        "k1", MEMORY.parts, MEMORY.outputs, MEMORY.digests, {"lib": "k0"}
    )
    assert await kept.index.recall("unknown", []) == Memory()


async def test_a_later_success_takes_the_place_of_the_last(kept: Kept) -> None:
    await kept.index.remember("api", MEMORY, {})
    await kept.index.remember("api", Memory("k2"), {})
    assert (await kept.index.recall("api", [])).key == "k2"


async def test_artifacts_are_found_by_the_key_of_their_result(kept: Kept) -> None:
    await kept.index.remember("api", MEMORY, {"dist": artifact("h1"), "types": artifact("h2", 5)})
    assert await kept.index.artifacts_of("k1") == {"dist": "h1", "types": "h2"}
    assert await kept.index.artifacts_of("k2") == {}
    assert sorted(found.hash for found in await kept.index.artifacts()) == ["h1", "h2"]
    assert await kept.index.holdings() == Holdings(2, 15, START)


async def test_a_removed_artifact_is_no_result_any_more(kept: Kept) -> None:
    await kept.index.remember("api", MEMORY, {"dist": artifact("h1"), "types": artifact("h2")})
    await kept.index.remove({"h1"}, [])
    assert await kept.index.artifacts_of("k1") == {"types": "h2"}


async def test_use_is_remembered_and_never_set_back(kept: Kept) -> None:
    assert isinstance(kept.clock, FakeClock)
    await kept.index.remember("api", MEMORY, {"dist": artifact("h1")})
    later = kept.clock.advance(60)
    await kept.index.touch({"h1"})
    await kept.index.remember("api", MEMORY, {"dist": artifact("h1")})
    (found,) = await kept.index.artifacts()
    assert (found.created_at, found.last_used_at) == (START, later)


async def test_records_follow_what_is_on_the_disk(kept: Kept) -> None:
    await kept.index.remember("api", MEMORY, {"dist": artifact("h1"), "types": artifact("h2")})
    await kept.index.adopt([artifact("h2", 999), artifact("h3")])
    found = {each.hash: each.size for each in await kept.index.artifacts()}
    assert found == {"h2": 10, "h3": 10}
    assert await kept.index.artifacts_of("k1") == {"types": "h2"}


async def test_the_warning_is_remembered_with_its_event(kept: Kept) -> None:
    assert await kept.index.is_filling() is False
    await kept.index.set_filling(True, [threshold(90, CacheLimits(size=100))])
    assert await kept.index.is_filling() is True
    await kept.index.set_filling(False, [])
    assert await kept.index.is_filling() is False
    assert kept.event_types == ["cache.threshold"]
    assert kept.events[0].message == "Cache 90% of limit: 90 B of 100 B"


async def test_nothing_is_told_of_what_was_not_stored(kept: Kept) -> None:
    kept.store.refuses = True
    with pytest.raises(StorageError):
        await kept.index.set_filling(True, [threshold(90, CacheLimits(size=100))])
    assert kept.events == []


def test_why_a_build_was_needed_comes_back() -> None:
    db = memory_database()
    why = Why("a changed", ("a",), (), ("b", "c"), 7, ("the command",), "it is never cached")
    build = Build("build_1", "run_1", "api", BuildStatus.COMPLETED, "cli", START, tier=Tier.SMART_INCREMENTAL, why=why)
    builds.put([build])(db)
    assert builds.find(db, "build_1") == build


def test_a_database_of_the_first_version_keeps_its_builds() -> None:
    db = sqlite_utils.Database(memory=True)
    migrations.apply(db, stop_before="m002_cache")
    assert len(migrations.applied(db)) == 1
    db.execute(
        "INSERT INTO builds (id, run_id, package, status, requested_by, queued_at, reason, exit_code, error)"
        " VALUES ('build_1', 'run_1', 'api', 'failed', 'cli', '2024-01-26T12:00:00.000Z', 'exit', 1, '{\"headline\": \"no\"}')"
    )
    migrations.apply(db)
    assert len(migrations.applied(db)) == SCHEMA_VERSION
    build = builds.find(db, "build_1")
    assert build is not None
    assert (build.package, build.status, build.exit_code, build.why) == ("api", BuildStatus.FAILED, 1, None)
    assert build.queued_at - START == timedelta()
    assert {"artifacts", "cached_outputs", "successes"} <= set(db.table_names())
