"""One writer at a time, whatever the files say."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from buildnet_cli.agent.lock import AgentLock, holder
from buildnet_cli.errors import ConflictError, StorageError


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "agent.lock"


def test_the_holder_is_known_by_its_note_and_forgotten_when_it_lets_go(path: Path) -> None:
    assert holder(path) is None
    with AgentLock(path) as lock:
        lock.note(api="http://127.0.0.1:9876")
        assert holder(path) == {"pid": os.getpid(), "api": "http://127.0.0.1:9876"}
    assert holder(path) is None
    assert path.read_bytes() == b""


def test_a_second_one_is_refused(path: Path) -> None:
    with AgentLock(path), pytest.raises(ConflictError, match="in use by another process"):
        AgentLock(path).acquire()


@pytest.mark.parametrize("content", [b"-1", b"1", b"text", b"[]", b'{"pid": 1}', b"\xff\xfe", b""])
def test_what_a_dead_holder_left_means_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert holder(path) is None
    with AgentLock(path):
        assert holder(path) == {} or isinstance(holder(path), dict)


def test_a_symlink_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    assert holder(path) is None
    with pytest.raises(StorageError):
        AgentLock(path).acquire()
    assert not (tmp_path / "elsewhere").exists()


def test_the_lock_ends_with_its_process_even_by_kill(path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from buildnet_cli.agent.lock import AgentLock\n"
        "lock = AgentLock(Path(sys.argv[1])); lock.acquire(); lock.note(); print('held', flush=True); time.sleep(60)"
    )
    child = subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    assert child.stdout.readline() == "held\n"
    assert holder(path) == {"pid": child.pid}
    child.send_signal(signal.SIGKILL)
    child.wait()
    child.stdout.close()
    with AgentLock(path):
        pass


def test_a_child_does_not_inherit_the_lock(path: Path) -> None:
    lock = AgentLock(path)
    lock.acquire()
    child = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    lock.release()
    try:
        with AgentLock(path):
            pass
    finally:
        assert child.stdin is not None
        child.stdin.close()
        child.wait()
