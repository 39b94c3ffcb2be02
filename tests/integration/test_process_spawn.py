from __future__ import annotations

import asyncio
import os
import sys
import time
from pathlib import Path

import pytest

from buildnet_cli.process import spawn
from tests.support.waiting import until

pytestmark = pytest.mark.integration

ENV = {"PATH": os.environ["PATH"]}


async def until_gone(pid: int) -> None:
    await until(lambda: not spawn.group_is_alive(pid))


def test_a_short_command_can_be_run_without_an_event_loop(tmp_path: Path):
    done = spawn.run(["/bin/sh", "-c", "echo out; echo err >&2; exit 2"], env=ENV, cwd=tmp_path, timeout_secs=10)
    assert (done.exit.code, done.output) == (2, "out\nerr\n")


def test_a_short_command_is_not_held_up_by_what_it_leaves_behind_nor_is_anything_left(tmp_path: Path):
    began = time.monotonic()
    done = spawn.run(["/bin/sh", "-c", "sleep 60 & echo $$"], env=ENV, cwd=tmp_path, timeout_secs=10)
    assert time.monotonic() - began < 5
    asyncio.run(until_gone(int(done.output)))


def test_a_command_that_takes_too_long_is_killed(tmp_path: Path):
    script = "echo $$ > pid; sleep 60"
    with pytest.raises(TimeoutError, match=r"/bin/sh took longer than 0\.3 s"):
        spawn.run(["/bin/sh", "-c", script], env=ENV, cwd=tmp_path, timeout_secs=0.3)
    asyncio.run(until_gone(int((tmp_path / "pid").read_text())))


def test_an_attached_command_keeps_the_terminal_and_gives_its_exit(tmp_path: Path, capfd: pytest.CaptureFixture[str]):
    assert spawn.run_attached(["/bin/sh", "-c", "echo here; exit 4"], env=ENV, cwd=tmp_path).code == 4
    assert capfd.readouterr().out == "here\n"


def test_a_detached_process_tells_through_the_pipe_it_was_given_and_has_a_session_of_its_own(tmp_path: Path):
    read_end, write_end = os.pipe()
    script = f"import os, sys; print('last words', file=sys.stderr); os.write({write_end}, b'%d' % os.getsid(0))"
    argv = [sys.executable, "-c", script]
    pid = spawn.spawn_detached(argv, env=ENV, cwd=tmp_path, stderr_path=tmp_path / "agent.err", pass_fd=write_end)
    os.close(write_end)
    with os.fdopen(read_end) as pipe:
        assert int(pipe.read()) == pid
    os.waitpid(pid, 0)
    assert (tmp_path / "agent.err").read_text() == "last words\n"
    assert (tmp_path / "agent.err").stat().st_mode & 0o777 == 0o600
