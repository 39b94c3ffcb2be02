"""The database file: made, opened, refused, shared by many writers, and read beside them."""

from __future__ import annotations

import asyncio
import os
import queue
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from buildnet_cli.errors import NotFoundError, StorageError
from buildnet_cli.store import writer as writer_module
from buildnet_cli.store.connection import APPLICATION_ID
from buildnet_cli.store.database import Store, open_exclusive, open_readonly
from buildnet_cli.store.migrations import SCHEMA_VERSION

pytestmark = pytest.mark.integration


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "notify.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    store = Store.open(path)
    yield store
    store.close()


def note(db, number: int) -> int:
    db.execute("INSERT INTO ledger VALUES (?, 0)", [f"note {number}"])
    return number


def count(db) -> int:
    return int(db.execute("SELECT count(*) FROM ledger WHERE entry <> 'accepted'").fetchone()[0])


def pragma(path: Path, name: str) -> object:
    connection = sqlite3.connect(path)
    try:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]
    finally:
        connection.close()


def modes_in(folder: Path) -> set[int]:
    return {stat.S_IMODE(each.stat().st_mode) for each in folder.iterdir()}


async def test_a_new_file_is_ours_private_and_set_up_for_safety(store: Store, path: Path) -> None:
    await store.write(lambda db: note(db, 1))
    assert modes_in(path.parent) == {0o600}
    assert pragma(path, "application_id") == APPLICATION_ID
    assert pragma(path, "user_version") == SCHEMA_VERSION
    assert pragma(path, "journal_mode") == "wal"
    assert pragma(path, "auto_vacuum") == 2
    settings = await store.write(
        lambda db: [db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("synchronous", "foreign_keys")]
    )
    assert settings == [2, 1]


async def test_nothing_of_ours_is_written_outside_the_state_folder(store: Store) -> None:
    """What SQLite needs to undo part of a transaction would else lie in a public folder for temporary files, and fill it."""

    def change_many_pages(db) -> set[str]:
        db.execute("UPDATE ledger SET amount = 1")
        links = [Path(f"/proc/self/fd/{number}") for number in range(64)]
        return {each.readlink().name for each in links if each.is_symlink()}

    await store.write(lambda db: [note(db, 10**1000 + number) for number in range(200)])
    names = await store.write(change_many_pages)
    assert "notify.db-wal" in names
    assert [name for name in names if name.startswith("etilqs")] == []  # SQLite's prefix for temporary files


def test_a_file_that_others_may_read_is_tightened(path: Path) -> None:
    Store.open(path).close()
    path.chmod(0o644)
    Store.open(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_closing_leaves_one_file_with_everything_in_it(path: Path) -> None:
    store = Store.open(path)
    asyncio.run(store.write(lambda db: note(db, 1)))
    store.close()
    store.close()
    assert [each.name for each in path.parent.iterdir()] == ["notify.db"]
    with open_readonly(path) as db:
        assert count(db) == 1


async def test_a_closed_store_says_so(path: Path) -> None:
    store = Store.open(path)
    store.close()
    with pytest.raises(StorageError, match="closed"):
        await store.write(count)
    with pytest.raises(StorageError, match="closed"):
        await store.read(count)


# What is not ours


def foreign_file(path: Path) -> None:
    path.write_bytes(b"this is no database at all, but long enough to hold a header" * 20)


def foreign_database(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE bookmarks (url)")
    connection.commit()
    connection.close()


def newer_database(path: Path) -> None:
    Store.open(path).close()
    connection = sqlite3.connect(path)
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.close()


def directory(path: Path) -> None:
    path.mkdir()


def symlink(path: Path) -> None:
    elsewhere = path.parent / "elsewhere.db"
    elsewhere.touch()
    path.symlink_to(elsewhere)


def damaged_header(path: Path) -> None:
    Store.open(path).close()
    with path.open("r+b") as file:
        file.write(b"\xff" * 64)


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (foreign_file, "no SQLite database"),
        (foreign_database, "another program"),
        (newer_database, "newer version"),
        (directory, "cannot be opened"),
        (symlink, "symlink"),
        (damaged_header, "no SQLite database"),
    ],
)
def test_what_is_not_ours_is_refused_by_name_with_a_next_step_and_left_as_it_was(path: Path, make, sentence: str) -> None:
    make(path)
    before = path.read_bytes() if path.is_file() else b""
    with pytest.raises(StorageError, match=sentence) as caught:
        Store.open(path)
    assert str(path) in caught.value.message
    assert caught.value.hint
    assert (path.read_bytes() if path.is_file() else b"") == before


def test_a_migration_that_is_cut_short_leaves_nothing_behind(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from buildnet_cli.store import migrations

    def cut_short(db) -> None:
        db.execute("CREATE TABLE half (a)")
        raise sqlite3.OperationalError("cut short")

    with monkeypatch.context() as patched:
        patched.setattr(migrations.migrations._migrations[0], "fn", cut_short)
        with pytest.raises(StorageError, match="cut short"):
            Store.open(path)
    Store.open(path).close()
    with open_readonly(path) as db:
        assert "half" not in db.table_names()


# One writer, many callers


async def test_an_operation_that_fails_fails_alone(store: Store) -> None:
    def fails(db) -> None:
        note(db, 100)
        raise LookupError("mine")

    results = await asyncio.gather(
        *(store.write(lambda db, n=n: note(db, n)) for n in range(10)),
        store.write(fails),
        store.write(lambda db: note(db, 3)),
        return_exceptions=True,
    )
    assert results[:10] == list(range(10))
    assert isinstance(results[10], LookupError)
    assert isinstance(results[11], StorageError), "a second 3"
    assert await store.read(count) == 10


async def test_what_is_handed_in_during_a_commit_is_committed_together(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    groups: list[int] = []
    answer = writer_module._answer
    monkeypatch.setattr(writer_module, "_answer", lambda group: (groups.append(len(group)), answer(group)))
    await asyncio.gather(*(store.write(lambda db, n=n: note(db, n)) for n in range(2000)))
    assert sum(groups) == 2000
    assert max(groups) <= 512
    assert len(groups) < 200


async def test_what_is_handed_in_while_an_operation_runs_shares_its_commit(store: Store) -> None:
    has_begun, may_end = threading.Event(), threading.Event()

    def waits(db) -> int:
        has_begun.set()
        assert may_end.wait(10)
        return note(db, 1)

    first = asyncio.create_task(store.write(waits))
    await asyncio.to_thread(has_begun.wait, 10)
    second = asyncio.create_task(store.write(count))
    await asyncio.sleep(0)  # it hands its operation in
    before = store.commits
    may_end.set()
    assert (await first, await second) == (1, 1)
    assert store.commits == before + 1


async def test_those_who_ask_for_the_same_at_the_same_time_are_served_by_one_run(store: Store) -> None:
    runs: list[int] = []

    def note_all(db, numbers) -> list[int]:
        runs.append(len(numbers))
        return [note(db, number) for number in numbers]

    assert await asyncio.gather(*(store.write_jointly(note_all, n) for n in range(200))) == list(range(200))
    assert sum(runs) == 200
    assert len(runs) < 100


async def test_one_of_those_who_asked_for_the_same_fails_alone(store: Store) -> None:
    def note_all(db, numbers) -> list[int]:
        return [note(db, number) for number in numbers]

    given = [1, 2, 3, 2, 4]
    results = await asyncio.gather(*(store.write_jointly(note_all, n) for n in given), return_exceptions=True)
    assert [each for each in results if not isinstance(each, Exception)] == [1, 2, 3, 4]
    assert isinstance(results[3], StorageError)
    assert await store.read(count) == 4


async def test_writes_happen_in_the_order_in_which_they_were_handed_in(store: Store) -> None:
    seen: list[int] = []
    await asyncio.gather(*(store.write(lambda db, n=n: seen.append(n)) for n in range(500)))
    assert seen == list(range(500))


async def test_a_caller_that_gives_up_neither_undoes_nor_disturbs(store: Store) -> None:
    writing = asyncio.create_task(store.write(lambda db: note(db, 1)))
    await asyncio.sleep(0)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await store.write(lambda db: note(db, 2))
    assert await store.read(count) == 2


async def test_a_write_that_meets_the_end_is_stored_or_refused_but_never_left_waiting(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = store._writer
    closing = threading.Thread(target=writer.close)

    class Meeting(queue.SimpleQueue):
        def put(self, job: object) -> None:
            if job is not None:
                closing.start()
                time.sleep(0.1)
            super().put(job)

    await store.write(lambda db: note(db, 1))
    jobs = Meeting()
    waiting, writer._jobs = writer._jobs, jobs
    loop = asyncio.get_running_loop()
    waiting.put(writer_module._Job(lambda db, _: [note(db, 2)], None, loop.create_future(), loop))
    async with asyncio.timeout(5):
        assert await store.write(lambda db: note(db, 3)) == 3
    closing.join()


async def test_a_full_disk_is_said_in_a_sentence_and_survived(store: Store) -> None:
    await store.write(lambda db: note(db, 1))
    pages = await store.write(lambda db: db.execute("PRAGMA page_count").fetchone()[0])
    await store.write(lambda db: db.conn.execute(f"PRAGMA max_page_count = {pages}").fetchone())
    results = await asyncio.gather(
        store.write(lambda db: note(db, 2)),
        store.write(lambda db: db.execute("INSERT INTO ledger VALUES (?, 0)", ["x" * 100_000])),
        return_exceptions=True,
    )
    assert isinstance(results[1], StorageError)
    assert "the disk is full" in results[1].message
    assert results[1].hint
    await store.write(lambda db: db.conn.execute("PRAGMA max_page_count = 100000").fetchone())
    await store.write(lambda db: note(db, 3))
    stored = 1 + (results[0] == 2) + 1
    assert await store.read(count) == stored, "what was refused is not there, and what was not, is"


async def test_a_commit_that_fails_fails_all_who_waited_for_it(store: Store) -> None:
    """A deferred foreign key is checked by COMMIT itself."""

    def orphan(db) -> None:
        db.conn.execute("PRAGMA defer_foreign_keys = ON")
        db.execute("INSERT INTO attempts VALUES ('dlv_none', 1, '', '', '', '')")

    results = await asyncio.gather(store.write(lambda db: note(db, 1)), store.write(orphan), return_exceptions=True)
    together = isinstance(results[0], StorageError)
    assert isinstance(results[1], StorageError)
    assert await store.write(lambda db: note(db, 2)) == 2
    assert await store.read(count) == (1 if together else 2)


async def test_a_locked_database_is_refused_after_a_while_and_then_goes_on(store: Store, path: Path) -> None:
    await store.write(lambda db: db.conn.execute("PRAGMA busy_timeout = 50").fetchone())
    intruder = sqlite3.connect(path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageError, match="locked"):
        await store.write(lambda db: note(db, 1))
    intruder.execute("ROLLBACK")
    intruder.close()
    assert await store.write(lambda db: note(db, 2)) == 2


# Reading beside the writer


async def test_a_reader_cannot_write(store: Store) -> None:
    with pytest.raises(StorageError, match="read-only"):
        await store.read(lambda db: note(db, 1))


def test_reading_works_beside_an_agent_and_after_it_was_killed(path: Path) -> None:
    store = Store.open(path)
    asyncio.run(store.write(lambda db: note(db, 1)))
    with open_readonly(path) as db:
        assert count(db) == 1
    child = os.fork()
    if child == 0:  # only to leave a file behind that nobody closed
        os._exit(0)
    os.waitpid(child, 0)
    store.close()
    with open_readonly(path) as db:
        assert count(db) == 1


def test_reading_where_nothing_was_recorded_says_so(path: Path) -> None:
    with pytest.raises(NotFoundError, match="nothing has been recorded yet"), open_readonly(path):
        pass
    assert not path.exists()


def test_a_verb_without_an_agent_writes_all_or_nothing(path: Path) -> None:
    with open_exclusive(path) as db:
        note(db, 1)
    with pytest.raises(StorageError), open_exclusive(path) as db:
        assert note(db, 2) + note(db, 2)
    with open_readonly(path) as db:
        assert count(db) == 1
