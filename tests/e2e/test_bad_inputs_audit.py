"""The audit as somebody may have left it who wanted to hide something, or a disk that lost it: what `audit verify` says of it."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.agent import Project, new_project
from tests.support.bad_inputs import cases

pytestmark = pytest.mark.e2e

CASES = {case.id: case for case in cases(surface="state")}
COMMANDS = 3


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The state and the home that were left by an agent which has carried out a few commands."""
    folder = tmp_path_factory.mktemp("audited")
    with new_project(folder) as project:
        project.configure()
        project.start()
        for _ in range(COMMANDS):
            project.call("cmd", "status").must()
        project.call("agent", "stop").must()
        return Path(shutil.copytree(project.state, folder / "left", symlinks=True)), project.home


@pytest.fixture
def left(project: Project, audited: tuple[Path, Path]) -> Project:
    """A project with a copy of that."""
    state, home = audited
    shutil.copytree(state, project.state, symlinks=True, ignore=shutil.ignore_patterns("agent.*", "logs"))
    shutil.copytree(home, project.home, symlinks=True, dirs_exist_ok=True)
    return project


def change(project: Project, *statements: str) -> None:
    with closing(sqlite3.connect(project.state / "notify.db")) as db, db:
        for statement in statements:
            db.execute(statement)


def row_edited(project: Project) -> None:
    change(project, "UPDATE audit SET identifier = 'somebody else' WHERE seq = 2")


def tail_removed(project: Project) -> None:
    change(project, f"DELETE FROM audit WHERE seq = {COMMANDS}")


def rewritten_with_plain_hashes(project: Project) -> None:
    with closing(sqlite3.connect(project.state / "notify.db")) as db, db:
        previous = "0" * 64
        for seq in range(1, COMMANDS + 1):
            begin, end = (hashlib.sha256(f"{previous}{seq}{part}".encode()).hexdigest() for part in ("begin", "end"))
            values = [previous, begin, end, seq]
            db.execute("UPDATE audit SET command = 'HELP', previous = ?, seal = ?, end_seal = ? WHERE seq = ?", values)
            previous = end


TAMPERED: list[tuple[str, Callable[[Project], None], int]] = [
    ("STATE-018", row_edited, 2),
    ("STATE-019", tail_removed, COMMANDS),
    ("STATE-020", rewritten_with_plain_hashes, 1),
]


@pytest.mark.parametrize(("id_", "tamper", "seq"), TAMPERED, ids=[id_ for id_, _, _ in TAMPERED])
def test_tampering_is_found_with_the_first_bad_entry(
    left: Project, id_: str, tamper: Callable[[Project], None], seq: int
) -> None:
    case = CASES[id_]
    assert left.call("audit", "verify").must().out == f"{COMMANDS} entries, all as they were written\n"
    tamper(left)
    found = left.call(*case.expect["command"].split())
    assert found.code in case.exit_codes
    assert not case.missing_in(found.out + found.err, "error_has")
    assert found.out.startswith(f"first bad entry {seq}: ")


def test_a_cut_is_found_even_after_later_commands(left: Project) -> None:
    tail_removed(left)
    left.start()
    left.call("cmd", "status").must()
    left.call("cmd", "status").must()
    found = left.call("audit", "verify").must(1)
    assert found.out == "first bad entry 3: when it was written, entries 3 to 3 had been cut off\n"
    assert "audit.cut" in left.call("audit", "list").must().out


def test_after_damage_the_audit_begins_anew_and_says_so(left: Project) -> None:
    path = left.state / "notify.db"
    path.write_bytes(b"\xff" * 4096 + path.read_bytes()[4096:])
    left.start()
    left.call("cmd", "status").must()
    (aside,) = (left.state / "damaged").glob("*/notify.db")
    told = left.call("audit", "verify").must().out.splitlines()
    assert told[0] == "2 entries, all as they were written"
    assert told[1].startswith("it begins anew with entry 1: the database was damaged")
    assert str(aside.parent) in told[1]
    assert f"entries 1 to {COMMANDS} had been cut off" in told[1]
    (restart,) = left.call("audit", "verify", "--json").must().json["restarts"]
    assert restart["seq"] == 1
    change(left, "DELETE FROM audit WHERE seq = 1")
    left.call("audit", "verify").must(1)
