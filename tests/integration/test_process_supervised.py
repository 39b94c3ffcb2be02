"""Children and their supervisor, with real shells: how they end, and that nothing of them is left."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
import uvloop

from buildnet_cli.process.lifeline import Exit
from buildnet_cli.process.supervised import Child, running
from tests.support.processes import HIDING, environment, left
from tests.support.waiting import until

pytestmark = pytest.mark.integration

STAY = "echo up; sleep 300"
ALL_HIDING = "\n".join(HIDING.values())


@pytest.fixture
def mark(tmp_path: Path) -> str:
    return str(tmp_path)


OnStart = Callable[[Child, bytearray], Awaitable[None]]


async def shell(script: str, cwd: Path, on_start: OnStart | None = None) -> tuple[Exit, bytes]:
    output = bytearray()
    async with running(["/bin/sh", "-c", script], env=environment(str(cwd)), cwd=cwd, on_output=output.extend) as child:
        if on_start is not None:
            await on_start(child, output)
        exit_ = await child.wait()
    return exit_, bytes(output)


async def until_says(output: bytearray, word: bytes) -> None:
    await until(lambda: word in output)


def stop(grace_secs: float) -> OnStart:
    async def on_start(child: Child, output: bytearray) -> None:
        await until_says(output, b"up")
        await child.stop(grace_secs)

    return on_start


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


async def test_both_outputs_and_the_exit_code_come_back(tmp_path: Path) -> None:
    exit_, output = await shell("pwd; echo err >&2; exit 3", tmp_path)
    assert (exit_.code, exit_.signal) == (3, "")
    assert output.splitlines() == [os.fsencode(tmp_path), b"err"]


@pytest.mark.parametrize("name", ["SIGKILL", "SIGTERM", "SIGSEGV", "SIGPIPE", "SIGHUP", "SIGINT"])
async def test_the_signal_that_ended_it_comes_back(tmp_path: Path, name: str) -> None:
    exit_, _ = await shell(f"kill -{name[3:]} $$", tmp_path)
    assert (exit_.signal, exit_.code) == (name, 128 + signal.Signals[name])


async def test_it_sees_the_environment_that_was_handed_in_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_THE_AGENT", "s3cret")
    output = bytearray()
    handed_in = {"LANG": "C", "ODD": "a=b\nc", "PYTHONPATH": "/nowhere", "EMPTY": ""}
    async with running(["/usr/bin/env", "-0"], env=handed_in, cwd=tmp_path, on_output=output.extend) as child:
        await child.wait()
    assert set(bytes(output).split(b"\0")) == {b"LANG=C", b"ODD=a=b\nc", b"PYTHONPATH=/nowhere", b"EMPTY=", b""}


async def test_it_inherits_no_descriptor_but_the_three(tmp_path: Path) -> None:
    with open(os.devnull) as ours:  # noqa: PTH123, ASYNC230  (a descriptor, nothing to wait for)
        os.set_inheritable(ours.fileno(), True)
        _, output = await shell("ls /proc/self/fd", tmp_path)
    assert output.split() == [b"0", b"1", b"2", b"3"], "3 is the folder that ls reads"


async def test_its_signals_are_as_a_shell_leaves_them(tmp_path: Path) -> None:
    _, output = await shell("grep -E 'Sig(Blk|Ign)' /proc/self/status", tmp_path)
    blocked, ignored = (int(line.split()[1], 16) for line in output.splitlines())
    assert blocked == 0
    # What whoever started us has ignored, as nohup does, stays so; Python's own SIGPIPE and SIGXFSZ do not.
    assert not ignored & sum(1 << number - 1 for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT, signal.SIGTERM))


async def test_there_is_nothing_to_read(tmp_path: Path) -> None:
    exit_, output = await shell("cat", tmp_path)
    assert (exit_.code, output) == (0, b"")


async def test_much_output_in_one_line_arrives_whole(tmp_path: Path) -> None:
    _, output = await shell("head -c 3000000 /dev/zero | tr '\\0' x", tmp_path)
    assert output == b"x" * 3_000_000


@pytest.mark.parametrize("script", HIDING.values(), ids=HIDING)
async def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, mark: str, script: str) -> None:
    began = time.monotonic()
    exit_, output = await shell(f"{script}\necho hi", tmp_path)
    assert (exit_.code, output) == (0, b"hi\n")
    assert left(mark) == {}
    assert time.monotonic() - began < 5


async def test_what_ends_by_itself_soon_after_the_command_may_say_its_last_words(tmp_path: Path) -> None:
    exit_, output = await shell("(sleep 0.2; echo last words) & exit 4", tmp_path)
    assert (exit_.code, output) == (4, b"last words\n")


async def test_stop_ends_everything_at_once_if_it_listens(tmp_path: Path, mark: str) -> None:
    began = time.monotonic()
    exit_, _ = await shell(f"sleep 300 & setsid sleep 300 & {STAY}", tmp_path, stop(10))
    assert exit_.signal == "SIGTERM"
    assert left(mark) == {}
    assert time.monotonic() - began < 5


async def test_stop_kills_what_does_not_listen_after_the_grace(tmp_path: Path, mark: str) -> None:
    exit_, _ = await shell(f"trap '' TERM\n{ALL_HIDING}\n{STAY}", tmp_path, stop(0.2))
    assert exit_.signal == "SIGKILL"
    assert left(mark) == {}


async def test_the_grace_holds_for_all_though_the_command_itself_has_ended(tmp_path: Path) -> None:
    cleaning = "sh -c 'trap \"sleep 2; touch cleaned; exit\" TERM; echo up; while :; do sleep 0.1; done' & wait"
    exit_, _ = await shell(cleaning, tmp_path, stop(10))
    assert exit_.signal == "SIGTERM"
    assert (tmp_path / "cleaned").exists()


async def test_whoever_leaves_early_leaves_nothing_behind(tmp_path: Path, mark: str) -> None:
    async def fail(child: Child, output: bytearray) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await shell("sleep 300", tmp_path, fail)
    assert left(mark) == {}


async def test_a_cancelled_task_leaves_nothing_behind(tmp_path: Path, mark: str) -> None:
    task = asyncio.create_task(shell(f"{ALL_HIDING}\nsleep 300", tmp_path))
    await until(lambda: len(left(mark)) > 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert left(mark) == {}


@pytest.mark.parametrize(
    ("program", "folder", "error"),
    [
        ("/nowhere/program", ".", FileNotFoundError),
        ("program-that-nobody-has", ".", FileNotFoundError),
        ("/bin/true", "nowhere", FileNotFoundError),
        ("/etc/passwd", ".", PermissionError),
    ],
)
async def test_what_cannot_be_run_is_an_os_error_and_leaks_no_descriptor(
    tmp_path: Path, program: str, folder: str, error: type[OSError]
) -> None:
    before = open_descriptors()
    with pytest.raises(error):
        async with running([program], env=environment("x"), cwd=tmp_path / folder, on_output=lambda _: None):
            pass
    await until(lambda: open_descriptors() == before)


async def test_a_supervisor_that_is_killed_takes_the_command_with_it(tmp_path: Path, mark: str) -> None:
    async def kill_the_supervisor(child: Child, output: bytearray) -> None:
        await until_says(output, b"up")
        (supervisor,) = (pid for pid, line in left(mark).items() if "supervisor.py" in line)
        os.kill(supervisor, signal.SIGKILL)

    exit_, _ = await shell("echo up; exec sleep 300", tmp_path, kill_the_supervisor)
    assert exit_.signal == "SIGKILL"
    await until(lambda: left(mark) == {})


def test_it_is_the_same_on_the_loop_of_the_agent(tmp_path: Path, mark: str) -> None:
    async def body() -> None:
        assert await shell("ls /proc/self/fd; exit 3", tmp_path) == (Exit(3), b"0\n1\n2\n3\n")
        exit_, _ = await shell(f"trap '' TERM\n{ALL_HIDING}\n{STAY}", tmp_path, stop(0.2))
        assert exit_.signal == "SIGKILL"

    uvloop.run(body())
    assert left(mark) == {}


STARTER = """
import asyncio, os, sys
from pathlib import Path
from buildnet_cli.process.supervised import running

async def main():
    async with running(["/bin/sh", "-c", sys.argv[1]], env=dict(os.environ), cwd=Path.cwd(), on_output=print) as child:
        await child.wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("ends_by", [signal.SIGKILL, signal.SIGTERM])
def test_nothing_is_left_three_seconds_after_whoever_started_it_was_killed(
    tmp_path: Path, mark: str, ends_by: signal.Signals
) -> None:
    argv = [sys.executable, "-c", STARTER, f"{ALL_HIDING}\n{STAY}"]
    here = Path(__file__).parents[2]
    with subprocess.Popen(argv, cwd=here, env=environment(mark), stdout=subprocess.DEVNULL) as starter:
        asyncio.run(until(lambda: len(left(mark)) >= 8))
        starter.send_signal(ends_by)
    asyncio.run(until(lambda: left(mark) == {}, within_secs=3))


def test_a_kill_of_the_whole_group_leaves_nothing_either(tmp_path: Path, mark: str) -> None:
    argv = [sys.executable, "-c", STARTER, f"{ALL_HIDING}\n{STAY}"]
    here = Path(__file__).parents[2]
    with subprocess.Popen(argv, cwd=here, env=environment(mark), stdout=subprocess.DEVNULL, start_new_session=True) as starter:
        asyncio.run(until(lambda: len(left(mark)) >= 8))
        os.killpg(starter.pid, signal.SIGKILL)
    asyncio.run(until(lambda: left(mark) == {}, within_secs=3))
