"""A supervised child for callers without an event loop."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

from buildnet_cli.process.lifeline import LOST, Exit, Kind, command, read_end, read_start, signal_request, stop_request

_STOP_GRACE_SECS = 10.0


class Attached:
    """A running child; its supervisor ends when nothing of it is left."""

    def __init__(self, process: subprocess.Popen[bytes], lifeline: socket.socket) -> None:
        self._process = process
        self._lifeline = lifeline
        self._said = lifeline.makefile("rb")
        self._end = LOST

    @property
    def stdout(self) -> IO[bytes] | None:
        return self._process.stdout

    @property
    def stderr(self) -> IO[bytes] | None:
        return self._process.stderr

    def fileno(self) -> int:
        """Of the lifeline: there is something to `hear` when it can be read."""
        return self._lifeline.fileno()

    def start(self, program: str) -> None:
        """Until it runs. Raises OSError if it cannot."""
        read_start(self._said.readline(), program)

    def hear(self) -> bool:
        """Take in one thing that its supervisor says, or wait for it; whether there is more to come."""
        line = self._said.readline()
        if line:
            self._end = read_end(line)
        return bool(line)

    def is_over(self) -> bool:
        """Whether nothing of it is left."""
        return self._process.poll() is not None

    def exit(self) -> Exit:
        """How it ended; waits until nothing of it is left."""
        while self.hear():
            continue
        self._process.wait()
        return self._end

    def pass_on(self, number: int) -> None:
        """Give the child a signal that was sent to us."""
        self._say(signal_request(number))

    def stop(self) -> None:
        """Ask everything to end; what does not is killed after 10 s."""
        self._say(stop_request(_STOP_GRACE_SECS))

    def close(self) -> None:
        self._said.close()

    def _say(self, line: bytes) -> None:
        with suppress(OSError):  # it has ended
            self._lifeline.sendall(line)


@contextmanager
def attached(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    kind: Kind,
    stdin: int | None = None,
    stdout: int | None = None,
    stderr: int | None = None,
) -> Iterator[Attached]:
    """A child with these streams, ours where none is given; whatever way the block is left, nothing of it remains.

    Raises OSError if it cannot be run.
    """
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            process = subprocess.Popen(
                command(theirs.fileno(), kind, argv),
                env=dict(env),
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(theirs.fileno(),),
            )
        child = Attached(process, ours)
        try:
            child.start(argv[0])
            yield child
        finally:
            child.close()
            with suppress(OSError):  # it has ended
                ours.shutdown(socket.SHUT_RDWR)
            process.wait()
            for stream in (process.stdout, process.stderr):
                if stream is not None:
                    stream.close()
