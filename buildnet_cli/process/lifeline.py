"""Our end of a supervisor's lifeline: how one is started, what it says, and what it is asked."""

from __future__ import annotations

import errno
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from buildnet_cli.process import supervisor


class Kind(StrEnum):
    """Where the command stands towards terminals; see `supervisor`."""

    SESSION = "session"
    GROUP = "group"
    TERMINAL = "terminal"


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


LOST = Exit(-signal.SIGKILL)
"""The end of a command whose supervisor died: the kernel kills the one with the other."""


def command(fd: int, kind: Kind, argv: Sequence[str]) -> list[str]:
    """The arguments that start a supervisor. fd: its end of the lifeline."""
    # Without site and the user's own PYTHON* variables: those are for the command, and cost time.
    return [sys.executable, "-I", "-S", supervisor.__file__, str(fd), kind.value, *argv]


def read_start(line: bytes, program: str) -> int:
    """The command's pid, from a supervisor's first line. Raises OSError if it could not be run."""
    word, _, value = line.decode("ascii", "replace").partition(" ")
    if word == "started":
        return int(value)
    number = int(value) if word == "refused" else errno.ECHILD
    raise OSError(number, os.strerror(number), program)


def read_end(line: bytes) -> Exit:
    """How the command ended, from a supervisor's second line; empty if that died before it could say so."""
    word, _, value = line.decode("ascii", "replace").partition(" ")
    return Exit(int(value)) if word == "ended" else LOST


def stop_request(grace_secs: float) -> bytes:
    """The line that asks for the end: a request to all, and a kill after the grace."""
    return f"stop {grace_secs:g}\n".encode()


def signal_request(number: int) -> bytes:
    """The line that passes a signal on to the command alone."""
    return f"signal {number}\n".encode()
