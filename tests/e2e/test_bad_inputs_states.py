"""The states of tests/data/bad_inputs.yaml that an agent may find its files in, each prepared and then met by a real one."""

from __future__ import annotations

import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from buildnet_cli.ids import new_id
from buildnet_cli.store.migrations import SCHEMA_VERSION
from tests.support.agent import Project, ended, is_alive, wait_for, webhook
from tests.support.bad_inputs import cases
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

CASES = {case.id: case for case in cases(surface="state")}
HOOK = "after-damage"
WAITING = 400

PAGE = 4096


@pytest.fixture
def waiting(project: Project, inbox: HttpInbox) -> Iterator[tuple[Project, set[str]]]:
    """A project whose agent has been stopped while its provider took nothing, and what that is still to be told."""
    inbox.clear()
    inbox.script(HOOK, *[503] * 1000)
    project.configure(**webhook(inbox.hook(HOOK)))
    project.start()
    events = [{"type": "custom.test", "payload": {"text": "x" * 2000}, "subject": f"s{number}"} for number in range(WAITING)]
    told = {item["id"] for item in project.ask("POST", "/api/events", events).body["items"]}
    project.call("agent", "stop").must()
    yield project, told
    inbox.clear()


def database(project: Project) -> Path:
    return project.state / "notify.db"


def overwrite(project: Project, at: int, content: bytes) -> None:
    with database(project).open("r+b") as file:
        file.seek(at)
        file.write(content)


def header_overwritten(project: Project) -> None:
    overwrite(project, 0, b"\xff" * 100)


def header_and_schema_overwritten(project: Project) -> None:
    overwrite(project, 0, b"\xff" * PAGE)


def truncated_to_half(project: Project) -> None:
    os.truncate(database(project), database(project).stat().st_size // 2)


def truncated_by_three_pages(project: Project) -> None:
    os.truncate(database(project), database(project).stat().st_size - 3 * PAGE)


def one_page_overwritten(project: Project) -> None:
    (root,) = project.rows("SELECT rootpage FROM sqlite_master WHERE name = 'events'")[0]
    overwrite(project, (root - 1) * PAGE, os.urandom(PAGE))


def no_database_at_all(project: Project) -> None:
    database(project).write_text("these are the voyages of a text file\n" * 500)


DAMAGES: list[tuple[str, Callable[[Project], None], int]] = [
    ("STATE-008", header_overwritten, WAITING),
    ("", header_and_schema_overwritten, 0),
    ("STATE-009", truncated_to_half, WAITING // 4),
    ("", truncated_by_three_pages, WAITING // 2),
    ("STATE-010", one_page_overwritten, 0),
    ("", no_database_at_all, 0),
]


@pytest.mark.parametrize(("case", "damage", "saved"), DAMAGES, ids=[damage.__name__ for _, damage, _ in DAMAGES])
def test_a_damaged_database_is_put_aside_and_what_waits_is_taken_over(
    case: str, damage: Callable[[Project], None], saved: int, waiting: tuple[Project, set[str]], inbox: HttpInbox
) -> None:
    project, told = waiting
    damage(project)
    damaged = database(project).read_bytes()
    inbox.clear()
    started = project.call("agent", "start").must()
    assert "was damaged" in started.out + started.err

    (aside,) = (project.state / "damaged").glob("*/notify.db")
    assert aside.read_bytes() == damaged, "nothing of it is changed"
    heard = {got.body["id"]: got.body for got in wait_for(lambda: inbox.received(HOOK), "nothing was told")}
    wait_for(lambda: any(got.body["type"] == "daemon.error" for got in inbox.received(HOOK)), "nobody was told of the damage")
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending")
    heard = {got.body["id"]: got.body for got in inbox.received(HOOK)}
    assert len(told & heard.keys()) >= saved
    assert project.call("doctor").code == 0
    error = next(body for body in heard.values() if body["type"] == "daemon.error")
    (count,) = re.findall(r"and (\d+) undelivered", error["message"])
    assert len(told & heard.keys()) <= int(count)
    assert case == "" or CASES[case].expect["outcome"] == "degrade"


def test_that_the_trouble_is_over_is_told_by_the_next_start(waiting: tuple[Project, set[str]], inbox: HttpInbox) -> None:
    project, _ = waiting
    header_overwritten(project)
    inbox.clear()
    project.start()
    project.call("agent", "restart").must()
    wait_for(lambda: any(got.body["type"] == "daemon.recovered" for got in inbox.received(HOOK)), "the end was not told")
    assert "damaged" not in project.call("agent", "restart").must().out


def test_damage_under_a_running_agent_is_found_by_doctor(waiting: tuple[Project, set[str]]) -> None:
    project, _ = waiting
    project.start()
    project.call("agent", "stop").must()
    one_page_overwritten(project)
    ran = project.call("doctor").must(1)
    assert "failed  database" in ran.out
    assert "agent restart" in ran.out


def test_a_log_that_was_removed_is_said_to_be_missing(project: Project, inbox: HttpInbox) -> None:
    inbox.clear()
    project.configure(**webhook(inbox.hook(HOOK)))
    project.kill(project.start())
    (project.state / "notify.db-wal").unlink()
    started = project.call("agent", "start").must()
    assert not CASES["STATE-012"].missing_in(started.out + started.err, "warn_has")
    wait_for(lambda: any("missing" in got.body["message"] for got in inbox.received(HOOK)), "nobody was told")
    for verb in ("restart", "stop"):
        assert "missing" not in project.call("agent", verb).must().out
    assert not (project.state / "notify.db-open").exists()


def test_a_killed_agent_is_no_reason_to_complain(waiting: tuple[Project, set[str]]) -> None:
    project, _ = waiting
    project.kill(project.start())
    project.call("mute", "add", "custom.*", "--for", "1h", "--reason", "between two agents").must()
    started = project.call("agent", "start").must()
    assert "missing" not in started.out + started.err
    assert "damaged" not in started.out + started.err


def test_an_older_database_is_brought_up_to_date_and_kept_as_it_was(project: Project) -> None:
    case = CASES["STATE-014"]
    project.configure(reports={})
    older = database(project)
    with closing(sqlite3.connect(older)) as db:
        import sqlite_utils

        from buildnet_cli.store.connection import APPLICATION_ID
        from buildnet_cli.store.migrations import migrations

        migrations.apply(sqlite_utils.Database(db), stop_before="m002_cache")
        db.execute("INSERT INTO events VALUES (1, 'evt_old', 'custom.old', 'low', 'kept', '', '', '', '', '{}', '', NULL)")
        db.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        db.execute("PRAGMA user_version = 1")
        db.commit()
    assert case.expect["backup_made"]
    project.start()
    assert project.rows("PRAGMA user_version") == [(SCHEMA_VERSION,)]
    assert project.rows("SELECT message FROM events WHERE id = 'evt_old'") == [("kept",)]
    copy = project.state / "notify.db.schema-1"
    assert copy.stat().st_mode & 0o777 == 0o600
    with closing(sqlite3.connect(copy)) as db:
        assert db.execute("SELECT message FROM events").fetchall() == [("kept",)]
        assert db.execute("PRAGMA user_version").fetchone() == (1,)


def newer(project: Project) -> None:
    with closing(sqlite3.connect(database(project))) as db:
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")


def of_another_program(project: Project) -> None:
    database(project).unlink()
    with closing(sqlite3.connect(database(project))) as db:
        db.execute("CREATE TABLE bookmarks (url)")


def a_folder(project: Project) -> None:
    database(project).unlink()
    database(project).mkdir()


def a_pipe(project: Project) -> None:
    database(project).unlink()
    os.mkfifo(database(project))


def a_link(project: Project) -> None:
    elsewhere = project.root / "elsewhere.db"
    database(project).rename(elsewhere)
    database(project).symlink_to(elsewhere)


REFUSED: list[tuple[Callable[[Project], None], str]] = [
    (newer, "newer version"),
    (of_another_program, "another program"),
    (a_folder, "notify.db"),
    (a_pipe, "notify.db"),
    (a_link, "symlink"),
]


@pytest.mark.parametrize(("prepare", "words"), REFUSED, ids=[prepare.__name__ for prepare, _ in REFUSED])
def test_a_database_that_is_not_ours_to_touch_is_refused_with_the_next_step(
    prepare: Callable[[Project], None], words: str, waiting: tuple[Project, set[str]]
) -> None:
    project, _ = waiting
    prepare(project)
    ran = project.call("agent", "start")
    text = ran.out + ran.err
    assert ran.code == 1, text
    assert words in text
    assert "→" in text or "hint" in text, text
    assert "Traceback" not in text
    assert ran.took_secs < 15
    assert not (project.state / "damaged").exists()
    wait_for(lambda: not project.agents(), "an agent runs though the start was refused")


def test_a_spool_file_cut_in_half_is_kept_aside_and_costs_nothing_else(project: Project, inbox: HttpInbox) -> None:
    case = CASES["STATE-015"]
    project.configure(**webhook(inbox.hook("half")))
    project.call("emit", "custom.whole", "--message", "whole").must()
    (whole,) = (project.state / "spool").glob("*.json")
    half = whole.with_name(f"{new_id('spool')}.json")
    half.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
    content = half.read_bytes()
    project.start()
    wait_for(lambda: [got for got in inbox.received("half") if got.body["message"] == "whole"], "the whole one was not told")
    (kept,) = (project.state / "spool").rglob(f"{half.name}*{case.expect['kept_as']}")
    assert kept.read_bytes() == content


def test_a_huge_spool_file_is_not_read(project: Project) -> None:
    case = CASES["STATE-017"]
    project.configure(reports={})
    (project.state / "spool").mkdir(mode=0o700)
    huge = project.state / "spool" / f"{new_id('spool')}.json"
    with huge.open("wb") as file:
        file.truncate(2 << 30)
    pid = project.start()
    wait_for(lambda: not huge.exists(), "the file still lies in the way")
    (peak,) = re.findall(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert int(peak) / 1024 <= case.expect["max_rss_mb"]
    assert project.status()["state"] == "running"


def test_a_living_pid_in_the_lock_file_is_nobody_of_ours(project: Project) -> None:
    case = CASES["STATE-001"]
    project.configure(reports={})
    with ended(subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)) as bystander:
        (project.state / "agent.lock").write_text(f'{{"pid": {bystander.pid}, "api": ""}}')
        ran = project.call("agent", "start").must()
        assert not case.unwanted_in(ran.out + ran.err)
        project.call("agent", "stop").must()
        assert is_alive(bystander.pid), case.expect["unrelated_process"]


def test_without_a_keyring_the_encrypted_file_serves(project: Project) -> None:
    project.configure(reports={})
    ran = project.call("secrets", "set", "NAME", stdin="value of a secret\n").must()
    assert not CASES["STATE-021"].missing_in(ran.out + ran.err, "warn_has"), ran.out + ran.err
    assert "value of a secret" not in ran.out + ran.err
    project.start()


def test_a_keyring_that_asks_a_person_is_not_waited_for(project: Project) -> None:
    case = CASES["STATE-022"]
    project.configure(reports={})
    with silent_bus(project) as bus:
        env = {"DBUS_SESSION_BUS_ADDRESS": f"unix:path={bus}"}
        ran = project.call("secrets", "set", "NAME", stdin="value of a secret\n", env=env)
        assert "value of a secret" not in ran.out + ran.err
        assert ran.took_secs * 1000 < case.max_ms + 5000
        assert project.call("agent", "start", env=env).must().took_secs * 1000 < case.max_ms + 5000


@contextmanager
def silent_bus(project: Project) -> Iterator[Path]:
    """A socket that takes connections and never says a word, as a locked keyring does whose prompt nobody sees."""
    path = project.runtime / "bus"
    with closing(socket.socket(socket.AF_UNIX)) as bus:
        bus.bind(str(path))
        bus.listen(9)
        yield path


def test_every_state_is_driven() -> None:
    text = Path(__file__).read_text()
    assert [id_ for id_ in CASES if id_ not in text] == []
