"""Children that leave nothing behind: each has a supervisor, which outlives us if need be, and never its child."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from buildnet_cli.process import identity
from buildnet_cli.process.lifeline import Exit, Kind, command, read_end, read_start, stop_request

_CHUNK = 65_536
_DRAIN_SECS = 0.5
_LEFTOVER_GRACE_SECS = 1.0

_log = logging.getLogger(__name__)


class Child:
    """A running child, the leader of a session of its own.

    identity: what `identity.end_leftovers` needs to end it should we die and its supervisor too.
    """

    def __init__(self, supervisor: asyncio.subprocess.Process, lifeline: _Lifeline, pid: int) -> None:
        self.pid = pid
        self.identity = identity.of(supervisor.pid, pid)
        self._supervisor = supervisor
        self._lifeline = lifeline
        self._end = asyncio.ensure_future(lifeline.end())

    async def wait(self) -> Exit:
        """Its end. What it started in the background is ended by its supervisor until `running` is left."""
        return await asyncio.shield(self._end)

    async def stop(self, grace_secs: float) -> None:
        """Ask all of its processes to end, have those killed that are still there after the grace, and wait for its own end."""
        self._lifeline.say(stop_request(grace_secs))
        await self.wait()

    async def close(self) -> None:
        """Until no process of it is left."""
        if not self._end.done():
            self._lifeline.say(stop_request(_LEFTOVER_GRACE_SECS))
        returncode = await self._supervisor.wait()
        await self._end
        if returncode < 0:
            await asyncio.to_thread(identity.end_leftovers, self.identity)
        elif returncode:
            _log.error("processes of a build cannot be killed", extra={"pid": self.pid})


@asynccontextmanager
async def running(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    on_output: Callable[[bytes], None],
) -> AsyncIterator[Child]:
    """A child with nothing to read; on leaving, none of its processes is left. Nor is one if we are killed.

    env: all that it inherits.
    on_output: gets stdout and stderr as they come, in pieces of any size.
    Raises OSError if the program or the folder is not there.
    """
    read_end, write_end = os.pipe()
    ours, theirs = socket.socketpair()
    try:
        supervisor = await asyncio.create_subprocess_exec(
            *command(theirs.fileno(), Kind.SESSION, argv),
            stdin=subprocess.DEVNULL,
            stdout=write_end,
            stderr=write_end,
            cwd=cwd,
            env=dict(env),
            pass_fds=(theirs.fileno(),),
            start_new_session=True,
        )
    except BaseException:
        os.close(read_end)
        ours.close()
        raise
    finally:
        os.close(write_end)
        theirs.close()
    output = _Output(read_end, on_output)
    lifeline = _Lifeline(*await asyncio.open_unix_connection(sock=ours))
    try:
        child = Child(supervisor, lifeline, await lifeline.start(argv[0]))
        try:
            yield child
        finally:
            await child.close()
    finally:
        lifeline.close()
        await supervisor.wait()
        await output.ended(within_secs=_DRAIN_SECS)
        output.close()


class _Lifeline:
    """Our end: as long as it is open, somebody wants the child."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def start(self, program: str) -> int:
        return read_start(await self._line(), program)

    async def end(self) -> Exit:
        return read_end(await self._line())

    def say(self, line: bytes) -> None:
        # A supervisor that has ended has nothing more to stop.
        if not self._writer.is_closing():
            self._writer.write(line)

    def close(self) -> None:
        self._writer.close()

    async def _line(self) -> bytes:
        with suppress(ConnectionError):
            return await self._reader.readline()
        return b""


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
