"""Starts one command and sees to it that nothing of it is left: neither when it ends, nor when whoever asked for it dies.

A program of its own, run by its path with nothing but the standard library, so that it is up in some 20 ms and takes 10 MB.
Every process that the command starts, directly or through others, in whatever session, becomes its child at the latest when
its own parent ends (Linux: child subreaper). So while it has children something is left, and when it has none, nothing is.

    supervisor.py FD KIND PROGRAM [ARGUMENT]…

FD: a stream socket, and the lifeline: when its other end is closed, by kill -9 too, everything ends.
    Told there, a line each: `started PID`, or `refused ERRNO`; later `ended RETURNCODE`.
    Heard there: `stop SECS` for all that runs, `signal NUMBER` for the command alone.
KIND: `session` for a session of its own; `group` for the process group that started us, as a shell does without job control;
    `terminal` for a session on the terminal that is our stdin.
Directory, environment, input and output are those we were started with.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import termios
import time
from collections.abc import Iterator

BY_ITSELF_SECS = 0.5
"""What is left when the command has ended may end by itself within this time, such as a `tee` that still writes."""

LEFTOVER_GRACE_SECS = 1.0
"""Between the request to end and the kill, for what is left behind by the command, or by whoever asked for it."""

STOP_GRACE_SECS = 10.0
"""The same if we are asked to end by a signal."""

_KILL_AGAIN_SECS = 0.05
_GIVE_UP_SECS = 5.0
_NEVER = float("inf")

# Source: prctl(2), linux/prctl.h.
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PASSED_BY = (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, signal.SIGTSTP)
"""Signals of a terminal or to a group; they are the command's business."""


def main(arguments: list[str]) -> int:
    """Supervise a command to its end; 0 if nothing of it is left."""
    control, kind, command = int(arguments[0]), arguments[1], arguments[2:]
    _let_go_of_all_but(0, 1, 2, control)
    wake = _watch_signals()
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        pid = _start(command, kind)
    except OSError as exc:
        _tell(control, f"refused {exc.errno}")
        return 0
    _tell(control, f"started {pid}")
    _let_go_of_output()
    return Supervision(control, wake, pid).run()


class Supervision:
    """The wait for the end, and the end."""

    def __init__(self, control: int, wake: int, pid: int) -> None:
        self._control = control
        self._wake = wake
        self._pid: int | None = pid
        self._sources = [control, wake]
        self._ask_at = _NEVER
        self._kill_at = _NEVER

    def run(self) -> int:
        """Until nothing is left; 1 if something is that cannot be killed."""
        while self._reap():
            now = time.monotonic()
            if now > self._kill_at + _GIVE_UP_SECS:
                return 1
            if now >= self._kill_at:
                _signal_all(signal.SIGKILL)
                wait = _KILL_AGAIN_SECS
            elif now >= self._ask_at:
                _signal_all(signal.SIGTERM)
                _signal_all(signal.SIGCONT)
                self._ask_at = _NEVER
                continue
            else:
                wait = min(self._ask_at, self._kill_at) - now
            self._listen(wait)
        return 0

    def _reap(self) -> bool:
        """Take the ends of children in; whether any child is left."""
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if pid == self._pid:
                self._pid = None
                _tell(self._control, f"ended {os.waitstatus_to_exitcode(status)}")
                if self._kill_at == _NEVER:
                    self._end(BY_ITSELF_SECS, LEFTOVER_GRACE_SECS)

    def _listen(self, wait: float) -> None:
        ready, _, _ = select.select(self._sources, [], [], None if wait == _NEVER else wait)
        if self._wake in ready and signal.SIGTERM in os.read(self._wake, 512):
            self._end(0.0, STOP_GRACE_SECS)
        if self._control in ready:
            self._hear()

    def _hear(self) -> None:
        try:
            lines = os.read(self._control, 512).splitlines()
        except ConnectionError:
            lines = []
        if not lines:
            self._sources.remove(self._control)
            self._end(0.0, LEFTOVER_GRACE_SECS)
        for line in lines:
            word, _, value = line.partition(b" ")
            if word == b"stop":
                self._end(0.0, float(value))
            elif word == b"signal" and self._pid is not None:
                os.kill(self._pid, int(value))

    def _end(self, after: float, grace: float) -> None:
        """Ask everything to end after some seconds, and kill it after a grace; never later than was settled before."""
        now = time.monotonic()
        self._ask_at = now + after
        self._kill_at = min(self._kill_at, now + after + grace)


def descendants(root: int) -> list[int]:
    """The processes that a process has started, directly or through others, as far as each one's parent still runs."""
    children: dict[int, list[int]] = {}
    for pid, parent in _parents():
        children.setdefault(parent, []).append(pid)
    found: list[int] = []
    open_ = [root]
    while open_:
        below = children.get(open_.pop(), [])
        found += below
        open_ += below
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Each process with its parent."""
    try:
        pids = [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208  (pathlib takes 10 ms to load)
    except FileNotFoundError:
        with os.popen("ps -A -o pid= -o ppid=") as listing:  # noqa: S605, S607  (POSIX has it; only Linux has /proc)
            for line in listing:
                number, parent = line.split()
                yield int(number), int(parent)
        return
    for pid in pids:
        try:
            stat = _read(f"/proc/{pid}/stat")
        except OSError:
            continue  # it ended meanwhile
        # The name, in brackets, may itself hold spaces and brackets. Source: proc(5), /proc/pid/stat.
        yield pid, int(stat.rpartition(b")")[2].split()[1])


def _signal_all(number: signal.Signals) -> None:
    for pid in descendants(os.getpid()):
        try:
            os.kill(pid, number)
        except OSError:
            continue  # it ended meanwhile, or became another user's


def _start(command: list[str], kind: str) -> int:
    """The command's pid, once it runs. Raises OSError if it cannot be run."""
    group = os.getpgrp()
    if kind == "group":
        os.setpgid(0, 0)  # so that nobody who kills that group kills us with it
    told, tell = os.pipe()
    us = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become(command, kind, group, us, tell)
    os.close(tell)
    refusal = os.read(told, 16)
    os.close(told)
    if refusal:
        os.waitpid(pid, 0)
        raise OSError(int(refusal), "refused")
    return pid


def _become(command: list[str], kind: str, group: int, parent: int, tell: int) -> None:
    """In the new process: turn into the command, or say why that is not possible. Never returns."""
    try:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)  # if we are killed ourselves, at least the command goes too
        if os.getppid() != parent:
            os._exit(1)
        if kind == "group":
            os.setpgid(0, group)
        else:
            os.setsid()
        if kind == "terminal":
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)  # Python ignores them, and what is ignored stays so
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        os.execvpe(command[0], command, environment())  # noqa: S606  (an argument list; a shell is the caller's wish)
    except OSError as exc:
        os.write(tell, b"%d" % (exc.errno or 0))
    finally:
        os._exit(127)


def environment() -> dict[bytes, bytes]:
    """As it was handed to us: Python itself adds LC_CTYPE to it where the locale is C."""
    try:
        entries = _read("/proc/self/environ").split(b"\0")
    except OSError:
        return dict(os.environb)
    return {name: value for name, sign, value in (entry.partition(b"=") for entry in entries) if sign}


def _watch_signals() -> int:
    """Let signals wake the loop instead of ending us; the end of a pipe that has their numbers."""
    wake, woken = os.pipe()
    os.set_blocking(wake, False)
    os.set_blocking(woken, False)
    signal.set_wakeup_fd(woken, warn_on_full_buffer=False)
    for number in (*_PASSED_BY, signal.SIGTERM, signal.SIGCHLD):
        # What is ignored, as after nohup, is to stay so in the command; what is caught becomes its default there.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, lambda *_: None)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    return wake


def _let_go_of_all_but(*kept: int) -> None:
    """Whoever started us may have let more through than it knows, another command's lifeline among them."""
    for number in map(int, os.listdir("/dev/fd")):  # noqa: PTH208  (pathlib takes 10 ms to load)
        try:
            os.set_inheritable(number, number < 3)
            if number not in kept:
                os.close(number)
        except OSError:
            continue  # the folder that was listed


def _let_go_of_output() -> None:
    """So that whoever reads the output sees its end when the command has closed it."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number, inheritable=False)


def _tell(control: int, line: str) -> None:
    try:
        os.write(control, f"{line}\n".encode())
    except OSError:
        return  # nobody is there any more; the lifeline says so by itself


def _read(path: str) -> bytes:
    with open(path, "rb") as file:  # noqa: PTH123  (pathlib takes 10 ms to load)
        return file.read()


def _prctl(option: int, value: int) -> None:
    import ctypes  # the agent imports this file for its words only

    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:  # elsewhere than on Linux, what leaves the command's tree of processes leaves our sight
        prctl(option, value, 0, 0, 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
