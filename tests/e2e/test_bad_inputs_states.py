"""The states of tests/data/bad_inputs.yaml that an agent may find its files in, each prepared and then met by a real one."""

from __future__ import annotations

import os
import re
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from buildnet_cli.store.migrations import SCHEMA_VERSION
from tests.support.agent import Project, ended, new_project, wait_for, webhook
from tests.support.bad_inputs import cases
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

CASES = {case.id: case for case in cases(surface="state")}
HOOK = "after-damage"
WAITING = 160

PAGE = 4096


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory, inbox: HttpInbox) -> tuple[Path, set[str]]:
    """What an agent left that was stopped while its provider took nothing, and what that is still to be told."""
    folder = tmp_path_factory.mktemp("stopped")
    inbox.script(HOOK, *[503] * 1000)
    with new_project(folder) as project:
        project.configure(**webhook(inbox.hook(HOOK)))
        project.start()
        events = [{"type": "custom.test", "payload": {"text": "x" * 2000}, "subject": f"s{number}"} for number in range(WAITING)]
        told = {item["id"] for item in project.ask("POST", "/api/events", events).body["items"]}
        project.call("agent", "stop").must()
        return Path(shutil.copytree(project.state, folder / "left", symlinks=True)), told


@pytest.fixture
def waiting(project: Project, inbox: HttpInbox, stopped: tuple[Path, set[str]]) -> Iterator[tuple[Project, set[str]]]:
    """A project with a copy of that."""
    left, told = stopped
    shutil.copytree(left, project.state, symlinks=True, ignore=shutil.ignore_patterns("agent.*", "logs"))
    inbox.clear()
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


AGENT_WITHOUT_TIME_TO_CHECK = """
import sys
from buildnet_cli.store import rescue, soundness
rescue.CHECK_SECS, soundness._STEPS = -1.0, 10
sys.argv = ["buildnet-notify", "agent", "run"]
from buildnet_cli.entry import main
main()
"""


def test_damage_that_a_start_has_no_time_to_find_is_found_while_the_agent_runs(
    waiting: tuple[Project, set[str]], inbox: HttpInbox
) -> None:
    project, _ = waiting
    (root,) = project.rows("SELECT rootpage FROM sqlite_master WHERE name = 'successes'")[0]
    overwrite(project, (root - 1) * PAGE, os.urandom(PAGE))
    command = [sys.executable, "-c", AGENT_WITHOUT_TIME_TO_CHECK]
    with ended(subprocess.Popen(command, cwd=project.root, env=project.environ, stdout=subprocess.DEVNULL)):
        within = CASES["STATE-010"].expect["detected_within_s"]
        errors = wait_for(
            lambda: [got.body for got in inbox.received(HOOK) if got.body["type"] == "daemon.error"],
            "nobody was told",
            within_secs=within,
        )
        assert "agent restart" in errors[0]["message"]
        assert "damaged" in project.status()["trouble"]
        assert not (project.state / "damaged").exists(), "it had not been found before"
    assert "was damaged" in project.call("agent", "start").must().err


def test_a_row_that_cannot_be_read_in_a_sound_database_costs_only_itself(
    waiting: tuple[Project, set[str]], inbox: HttpInbox
) -> None:
    project, told = waiting
    with closing(sqlite3.connect(database(project))) as db, db:
        db.execute("UPDATE events SET payload = substr(payload, 1, 9) WHERE subject = 's7'")
    project.make_due()
    project.start()
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "the others are not sent")
    assert len({got.body["id"] for got in inbox.received(HOOK)} & told) == WAITING - 1
    assert "1 delivery could not be read and was given up" in project.call("doctor").must().out
    assert "cannot be read" in project.call("deliveries", "list", "--failed").must().out
    assert len(project.call("history", "events", "-n", "500", "--json").must().json["items"]) >= WAITING - 1


def test_that_the_trouble_is_over_is_told_by_the_next_start(waiting: tuple[Project, set[str]], inbox: HttpInbox) -> None:
    project, _ = waiting
    header_overwritten(project)
    inbox.clear()
    project.start()
    assert "damaged" not in project.call("agent", "restart").must().out
    wait_for(lambda: any(got.body["type"] == "daemon.recovered" for got in inbox.received(HOOK)), "the end was not told")


def test_damage_is_found_by_doctor_before_any_agent_starts(waiting: tuple[Project, set[str]]) -> None:
    project, _ = waiting
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


def test_every_state_is_driven() -> None:
    text = "".join(path.read_text() for path in Path(__file__).parent.glob("test_bad_inputs_*.py"))
    assert [id_ for id_ in CASES if id_ not in text] == []
