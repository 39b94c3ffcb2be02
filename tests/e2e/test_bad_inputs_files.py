"""Files beside the database as an agent may find them: what was spooled, the lock, and a keyring that does not answer."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from buildnet_cli.ids import new_id
from tests.support.agent import Project, ended, is_alive, wait_for, webhook
from tests.support.bad_inputs import cases
from tests.support.http_inbox import HttpInbox

pytestmark = pytest.mark.e2e

CASES = {case.id: case for case in cases(surface="state")}


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
        assert ran.code == 0, "the file has it, whatever the keyring does"
        assert "encrypted file" in ran.out
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
