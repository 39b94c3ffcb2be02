"""Starts child processes and ends them, with everything that they started in turn.

A command is a list of arguments, never a line for a shell to read; the environment is always handed in.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

OWN_PREFIX = "BUILDNET_"
"""Variables under this prefix are ours; no child but our own agent gets to see them."""

_CHUNK = 65_536
_DRAIN_SECS = 0.5
_LEFTOVER_GRACE_SECS = 1.0
_POLL_SECS = 0.02


@dataclass(frozen=True, slots=True)
class Exit:
    """How a child ended.

    returncode: its exit code, or minus the number of the signal that ended it.
    """

    returncode: int

    @property
    def code(self) -> int:
        """As a shell tells it: the exit code, or 128 + the signal."""
        return self.returncode if self.returncode >= 0 else 128 - self.returncode

    @property
    def signal(self) -> str:
        """Such as `SIGKILL`; empty if it ended by itself."""
        if self.returncode >= 0:
            return ""
        try:
            return signal.Signals(-self.returncode).name
        except ValueError:
            return f"signal {-self.returncode}"


def child_environment(environ: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """What a build may inherit: everything but our own variables and the named ones, with messages in English.

    without: names of the variables that hold our secrets.
    """
    env = {name: value for name, value in environ.items() if name not in without and not name.startswith(OWN_PREFIX)}
    # LC_ALL would overrule LC_MESSAGES; as LANG it still decides everything else.
    everything = env.pop("LC_ALL", "")
    if everything:
        env = {name: value for name, value in env.items() if not name.startswith("LC_")} | {"LANG": everything}
    return env | {"LC_MESSAGES": "C"}


class Child:
    """A running child, the leader of a process group of its own."""

    def __init__(self, process: asyncio.subprocess.Process, output: _Output) -> None:
        self._process = process
        self._output = output

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> Exit:
        """Its end. What it started in the background may go on until `running` is left."""
        return Exit(await self._process.wait())

    async def stop(self, grace_secs: float) -> None:
        """Ask the whole group to end, and kill what is still there after the grace."""
        _signal_group(self.pid, signal.SIGTERM)
        if not await self._group_is_gone(within_secs=grace_secs):
            _signal_group(self.pid, signal.SIGKILL)

    async def close(self) -> None:
        """Take what is left of the output, and leave nothing of the group behind."""
        if self._process.returncode is not None:
            await self._output.ended(within_secs=_DRAIN_SECS)
        if group_is_alive(self.pid):
            await self.stop(_LEFTOVER_GRACE_SECS)
        await self._process.wait()
        await self._output.ended(within_secs=_DRAIN_SECS)
        self._output.close()

    async def _group_is_gone(self, *, within_secs: float) -> bool:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + within_secs
        while group_is_alive(self.pid):
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(_POLL_SECS)
        return True


@asynccontextmanager
async def running(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_output: Callable[[bytes], None],
) -> AsyncIterator[Child]:
    """A child in a session of its own, with nothing to read; on leaving, nothing of its process group is left.

    on_output: gets stdout and stderr as they come, in pieces of any size.
    Raises OSError if the program or the folder is not there.
    """
    read_end, write_end = os.pipe()
    try:
        process = await asyncio.create_subprocess_exec(
            *argv,
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            cwd=cwd,
            env=dict(env),
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        raise
    finally:
        os.close(write_end)
    child = Child(process, _Output(read_end, on_output))
    try:
        yield child
    finally:
        await child.close()


class _Output:
    """The read end of a pipe of our own.

    asyncio's PIPE would do neither: its wait() lasts until every grandchild has let go of the pipe, and its readline()
    fails on lines over 64 KiB.
    """

    def __init__(self, fd: int, on_output: Callable[[bytes], None]) -> None:
        self._fd = fd
        self._on_output = on_output
        self._end = asyncio.Event()
        os.set_blocking(fd, False)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(fd, self._read)

    def _read(self) -> None:
        try:
            chunk = os.read(self._fd, _CHUNK)
        except BlockingIOError:
            return
        if chunk:
            self._on_output(chunk)
        else:
            self._loop.remove_reader(self._fd)
            self._end.set()

    async def ended(self, *, within_secs: float) -> None:
        """Until every writer has closed the pipe, but no longer than this."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_secs):
                await self._end.wait()

    def close(self) -> None:
        self._loop.remove_reader(self._fd)
        os.close(self._fd)


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished child: how it ended, and what it wrote to stdout and stderr (as much as was asked for)."""

    exit: Exit
    output: str


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    timeout_secs: float,
    max_output: int = 1 << 20,
) -> Completed:
    """Run a short command to its end, for callers without an event loop.

    Raises OSError if the program or the folder is not there, TimeoutError (with the group killed) if it takes too long.
    """
    with (
        # A file, unlike a pipe, neither fills up nor waits for grandchildren.
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=dict(env), start_new_session=True
        ) as process,
    ):
        try:
            returncode = process.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{argv[0]} took longer than {timeout_secs:g} s") from None
        finally:
            _signal_group(process.pid, signal.SIGKILL)
        output.seek(0)
        return Completed(Exit(returncode), output.read(max_output).decode("utf-8", "replace"))


def run_attached(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> Exit:
    """Hand the terminal to a command such as an editor, until it ends. Raises OSError if it cannot be started."""
    with subprocess.Popen(argv, env=dict(env), cwd=cwd) as process:
        return Exit(process.wait())


def spawn_detached(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stderr_path: Path, pass_fd: int) -> int:
    """Start a process that outlives us, and return its pid.

    stderr_path: what it says on stderr is appended there. pass_fd: stays open in it, under the same number.
    Raises OSError if the program, the folder or the file cannot be opened.
    """
    stderr = os.open(stderr_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=dict(env),
            cwd=cwd,
            pass_fds=(pass_fd,),
            start_new_session=True,
        )
    finally:
        os.close(stderr)
    # It is not ours to wait for; a Popen object that believes it still runs would warn when it is collected.
    process.returncode = 0
    return process.pid


def group_is_alive(pgid: int) -> bool:
    """Whether a process group has a member that still runs. One that is dead but not yet reaped does not count."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # In a container nobody may reap orphans, and a group of zombies would look alive for ever.
    members = _members(pgid)
    return members is None or any(state != "Z" for state in members)


def _members(pgid: int) -> list[str] | None:
    """The states of a group's processes; None where there is no /proc."""
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        return None
    states = []
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may itself hold spaces and brackets. Source: proc(5), /proc/pid/stat.
                state, _parent, group = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
                if int(group) == pgid:
                    states.append(state)
    return states


def _signal_group(pgid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)
