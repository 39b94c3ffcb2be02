from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from buildnet_cli.process import spawn
from tests.support.waiting import until

pytestmark = pytest.mark.integration

ENV = {"PATH": os.environ["PATH"]}


async def until_gone(pid: int) -> None:
    await until(lambda: not spawn.group_is_alive(pid))


Act = Callable[[spawn.Child, bytearray], Awaitable[object]]


async def shell(script: str, cwd: Path, on_start: Act | None = None) -> tuple[spawn.Exit, bytes, int]:
    output = bytearray()
    async with spawn.running(["/bin/sh", "-c", script], env=ENV, cwd=cwd, on_output=output.extend) as child:
        if on_start is not None:
            await on_start(child, output)
        exit_ = await child.wait()
    return exit_, bytes(output), child.pid


async def until_says(output: bytearray, word: bytes) -> None:
    await until(lambda: word in output)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_both_outputs_and_the_exit_code_come_back(tmp_path: Path):
    exit_, output, _ = await shell("pwd; echo err >&2; exit 3", tmp_path)
    assert exit_.code == 3
    assert output.splitlines() == [os.fsencode(tmp_path), b"err"]


async def test_only_the_environment_that_was_handed_in_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "s3cret")
    _, output, _ = await shell("env", tmp_path)
    assert b"SECRET_OF_THE_AGENT" not in output


async def test_there_is_nothing_to_read(tmp_path: Path):
    exit_, output, _ = await shell("cat", tmp_path)
    assert (exit_.code, output) == (0, b"")


async def test_a_grandchild_that_keeps_the_pipe_does_not_hold_up_the_end_and_does_not_survive(tmp_path: Path):
    began = time.monotonic()
    exit_, output, pid = await shell("sleep 60 & echo hi", tmp_path)
    assert (exit_.code, output) == (0, b"hi\n")
    assert time.monotonic() - began < 3
    await until_gone(pid)


async def test_much_output_in_one_line_arrives_whole(tmp_path: Path):
    _, output, _ = await shell("head -c 3000000 /dev/zero | tr '\\0' x", tmp_path)
    assert output == b"x" * 3_000_000


async def test_stop_ends_the_whole_group_at_once_if_it_listens(tmp_path: Path):
    async def stop(child: spawn.Child, output: bytearray) -> None:
        await until_says(output, b"up")
        await child.stop(grace_secs=10)

    began = time.monotonic()
    exit_, _, pid = await shell("sleep 60 & sleep 60 & echo up; wait", tmp_path, stop)
    assert exit_.signal == "SIGTERM"
    assert not spawn.group_is_alive(pid)
    assert time.monotonic() - began < 5


async def test_stop_kills_what_does_not_listen_after_the_grace(tmp_path: Path):
    async def stop(child: spawn.Child, output: bytearray) -> None:
        await until_says(output, b"up")
        await child.stop(grace_secs=0.1)

    exit_, _, pid = await shell("trap '' TERM; echo up; while :; do sleep 1; done", tmp_path, stop)
    assert exit_.signal == "SIGKILL"
    await until_gone(pid)


async def test_stop_kills_a_stubborn_grandchild_whose_parent_went_at_once(tmp_path: Path):
    async def stop(child: spawn.Child, output: bytearray) -> None:
        await until_says(output, b"up")
        await child.stop(grace_secs=0.1)

    script = "sh -c 'trap \"\" TERM; echo up; while :; do sleep 1; done' & wait"
    exit_, _, pid = await shell(script, tmp_path, stop)
    assert exit_.signal == "SIGTERM"
    await until_gone(pid)


async def test_whoever_leaves_early_leaves_nothing_behind(tmp_path: Path):
    async def fail(child: spawn.Child, output: bytearray) -> None:
        pids.append(child.pid)
        raise ZeroDivisionError

    pids: list[int] = []
    with pytest.raises(ZeroDivisionError):
        await shell("sleep 60", tmp_path, fail)
    assert not spawn.group_is_alive(pids[0])


async def test_a_cancelled_task_leaves_nothing_behind(tmp_path: Path):
    pids: list[int] = []

    async def body() -> None:
        async with spawn.running(["/bin/sleep", "60"], env=ENV, cwd=tmp_path, on_output=lambda _: None) as child:
            pids.append(child.pid)
            await child.wait()

    task = asyncio.create_task(body())
    await until(lambda: bool(pids))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert not spawn.group_is_alive(pids[0])


@pytest.mark.parametrize(("program", "folder"), [("/nowhere/program", "."), ("/bin/true", "nowhere")])
async def test_what_is_not_there_is_an_os_error_and_leaks_no_descriptor(tmp_path: Path, program: str, folder: str):
    before = open_descriptors()
    with pytest.raises(FileNotFoundError):
        async with spawn.running([program], env=ENV, cwd=tmp_path / folder, on_output=lambda _: None):
            pass
    assert open_descriptors() == before


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
