"""The spool: what waits for an agent survives, and what does not belong there does no harm."""

from __future__ import annotations

import errno
import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from buildnet_cli.delivery import spool
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.errors import StorageError, UsageError
from buildnet_cli.events.bus import EventBus
from buildnet_cli.ids import new_id
from buildnet_cli.store import events
from buildnet_cli.store.builds import put
from buildnet_cli.store.intake import StoredIntake
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, a_router
from tests.support.stores import MemoryStore

pytestmark = pytest.mark.integration

DRAFT = {"type": "custom.note", "message": "hello", "payload": {"n": 1}}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "spool"


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


@pytest.fixture
def ingest(store: MemoryStore) -> Ingest:
    clock = FakeClock()
    return Ingest(StoredIntake(store, clock), EventBus(), clock, a_router(CI), wake=lambda: None)


def reason(folder: Path, name: str) -> str:
    return (folder / spool.REJECTED / f"{name}.bad.reason").read_text().strip()


def a_name() -> str:
    return f"{new_id('spool')}.json"


def test_what_is_written_is_private_and_comes_back(folder: Path) -> None:
    path = spool.write(folder, [DRAFT, {**DRAFT, "id": "job-17"}], source="cli")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    (file,) = spool.read(folder)
    assert (file.path, file.source) == (path, "cli")
    assert [draft.message for draft in file.drafts] == ["hello", "hello"]
    assert file.drafts[0].id.startswith("evt_")
    assert file.drafts[1].id == "job-17"


def test_files_come_in_the_order_in_which_they_were_written(folder: Path) -> None:
    for number in range(20):
        spool.write(folder, [{**DRAFT, "message": str(number)}], source="cli")
    assert [file.drafts[0].message for file in spool.read(folder)] == [str(number) for number in range(20)]


def test_an_empty_or_absent_spool_holds_nothing(folder: Path) -> None:
    assert list(spool.read(folder)) == []
    folder.mkdir()
    assert list(spool.read(folder)) == []


@pytest.mark.parametrize("drafts", [[], [{}], [DRAFT, {"type": "Not A Type"}], ["text"]])
def test_what_is_no_event_is_refused_before_anything_is_written(folder: Path, drafts: list) -> None:
    with pytest.raises(UsageError):
        spool.write(folder, drafts, source="cli")
    assert not folder.exists()


def test_a_disk_that_refuses_leaves_nothing_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="no space left on device"):
        spool.write(folder, [DRAFT], source="cli")
    assert list(folder.iterdir()) == []


async def test_what_waits_is_accepted_and_then_removed(folder: Path, ingest: Ingest, store: MemoryStore) -> None:
    spool.write(folder, [DRAFT, DRAFT], source="cli")
    assert await spool.take_in(folder, ingest, put) == 2
    assert list(spool.read(folder)) == []
    assert [event.source for event in events.page(store.db).items] == ["cli", "cli"]


async def test_a_large_hand_over_is_accepted_in_parts_so_that_others_get_their_turn(
    folder: Path, ingest: Ingest, store: MemoryStore
) -> None:
    spool.write(folder, [DRAFT] * 1200, source="cli")
    assert await spool.take_in(folder, ingest, put) == 1200
    assert store.writes == 3


async def test_a_file_taken_in_again_after_a_crash_accepts_nothing_twice(
    folder: Path, ingest: Ingest, store: MemoryStore
) -> None:
    path = spool.write(folder, [DRAFT, DRAFT], source="cli")
    content = path.read_bytes()
    await spool.take_in(folder, ingest, put)
    path.write_bytes(content)
    await spool.take_in(folder, ingest, put)
    assert len(events.page(store.db).items) == 2
    assert not path.exists()


async def test_nothing_is_removed_that_was_not_stored(folder: Path, ingest: Ingest, store: MemoryStore) -> None:
    path = spool.write(folder, [DRAFT], source="cli")
    store.refuses = True
    with pytest.raises(StorageError):
        await spool.take_in(folder, ingest, put)
    assert path.exists()


def test_a_file_being_written_is_left_alone(folder: Path) -> None:
    folder.mkdir()
    temporary = folder / f".{new_id('spool')}.tmp"
    temporary.write_text('{"sou')
    assert list(spool.read(folder)) == []
    assert temporary.exists()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "no JSON"),
        (b'{"source": "cli", "events": [{"ty', "no JSON"),
        (b"\xff\xfe\x00", "no JSON"),
        (b"[" * 5000, "no JSON"),
        (b"[]", "no list of events"),
        (b'{"source": "cli", "events": []}', "no list of events"),
        (b'{"events": [{"type": "custom.a", "id": "a"}]}', "no list of events"),
        (b'{"source": "cli", "events": [{"type": "custom.a"}]}', "no id"),
        (b'{"source": "cli", "events": [{"type": "*", "id": "a"}]}', "pattern"),
    ],
)
def test_a_broken_file_is_set_aside_with_its_reason(folder: Path, content: bytes, sentence: str) -> None:
    good = spool.write(folder, [DRAFT], source="cli")
    name = a_name()
    (folder / name).write_bytes(content)
    assert [file.path for file in spool.read(folder)] == [good]
    assert sentence in reason(folder, name)
    assert (folder / spool.REJECTED / f"{name}.bad").read_bytes() == content


def test_a_symlink_is_not_followed(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere.json"
    elsewhere.write_text(json.dumps({"source": "cli", "events": [{**DRAFT, "id": "a"}]}))
    folder.mkdir()
    name = a_name()
    (folder / name).symlink_to(elsewhere)
    assert list(spool.read(folder)) == []
    assert (folder / spool.REJECTED / f"{name}.bad").is_symlink()
    assert reason(folder, name).startswith("it is a symlink")
    assert elsewhere.exists()


def test_pipes_folders_and_foreign_names_are_set_aside(folder: Path) -> None:
    folder.mkdir()
    pipe, directory = a_name(), a_name()
    os.mkfifo(folder / pipe)
    (folder / directory).mkdir()
    (folder / "README.md").write_text("hello")
    assert list(spool.read(folder)) == []
    assert reason(folder, pipe) == reason(folder, directory) == "it is no regular file"
    assert reason(folder, "README.md") == "its name is none that we give"


def test_setting_aside_overwrites_nothing(folder: Path) -> None:
    for content in ("one", "two"):
        folder.mkdir(exist_ok=True)
        (folder / "README.md").write_text(content)
        assert list(spool.read(folder)) == []
    assert sorted(path.read_text() for path in (folder / spool.REJECTED).glob("*README.md.bad")) == ["one", "two"]


def test_a_file_that_cannot_be_read_now_stays(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spool.write(folder, [DRAFT], source="cli")

    def too_many(*args: object) -> int:
        raise OSError(errno.EMFILE, "Too many open files")

    with monkeypatch.context() as patched:
        patched.setattr(os, "open", too_many)
        assert list(spool.read(folder)) == []
    assert [file.path for file in spool.read(folder)] == [path]


def test_a_huge_file_is_not_read(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = spool.write(folder, [DRAFT], source="cli")
    monkeypatch.setattr(spool, "MAX_BYTES", 10)
    assert list(spool.read(folder)) == []
    assert "at most 10 are read" in reason(folder, path.name)
    with pytest.raises(UsageError, match="at most 10"):
        spool.write(folder, [DRAFT], source="cli")


@given(st.binary(max_size=200) | st.text().map(str.encode) | st.from_regex(rb'\{"source": "cli", "events": .{0,40}\}'))
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_no_content_makes_reading_fail(tmp_path: Path, content: bytes) -> None:
    folder = tmp_path / new_id("spool")
    folder.mkdir()
    name = a_name()
    (folder / name).write_bytes(content)
    assert list(spool.read(folder)) == []
    assert reason(folder, name)
