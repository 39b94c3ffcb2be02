"""Runs a command as if it had been typed: its terminal, its input and its exit code are its own; we only listen.

Unlike one that was typed, it leaves nothing behind: not when it ends, not when we are told to end, not when we are killed.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from buildnet_cli.process import supervisor, terminal
from buildnet_cli.process.attached import Attached, attached
from buildnet_cli.process.lifeline import Exit, Kind
from buildnet_cli.process.tail import Tail

_NOT_FOUND = 127
_NOT_RUN = 126


@dataclass(frozen=True)
class PassedThrough:
    """How a command ended.

    exit_code: its own; 128 + signal if one ended it; 127 or 126 if it could not be run.
    output: the last of what it wrote, both streams; or why it could not be run, which `was_run` tells.
    """

    exit_code: int
    output: str
    was_run: bool = True


def environment() -> dict[str, str]:
    """What we inherited, without what Python itself adds to it."""
    return {os.fsdecode(name): os.fsdecode(value) for name, value in supervisor.environment().items()}


def run_passthrough(argv: Sequence[str], *, env: Mapping[str, str], meanwhile: Callable[[], None]) -> PassedThrough:
    """Run a command to its end with our own input and output, and keep a copy of the last of what it wrote.

    meanwhile: called in a thread of its own once it runs; it has returned when this does.
    """
    tail = Tail()
    telling = threading.Thread(target=meanwhile)
    try:
        run = terminal.run if terminal.is_ours() else _run_on_pipes
        code = run(argv, env, tail, telling.start).code
    except OSError as exc:
        if telling.ident is not None:
            raise  # it ran; this is something else
        if isinstance(exc, FileNotFoundError):
            return PassedThrough(_NOT_FOUND, f"{argv[0]}: command not found\n", was_run=False)
        return PassedThrough(_NOT_RUN, f"{argv[0]}: {(exc.strerror or 'refused').lower()}\n", was_run=False)
    telling.join()
    return PassedThrough(code, tail.text())


def _run_on_pipes(argv: Sequence[str], env: Mapping[str, str], tail: Tail, on_start: Callable[[], None]) -> Exit:
    """With our input as it is, in our own process group: so Ctrl-C and Ctrl-Z reach it as they reach us."""
    errors = subprocess.STDOUT if os.path.sameopenfile(1, 2) else subprocess.PIPE
    with (
        _blocked() as signals,
        attached(argv, env=env, kind=Kind.GROUP, stdout=subprocess.PIPE, stderr=errors) as child,
    ):
        on_start()
        streams = [(source, sink) for source, sink in ((child.stdout, 1), (child.stderr, 2)) if source is not None]
        copiers = [threading.Thread(target=_copy, args=(source, sink, tail), daemon=True) for source, sink in streams]
        for copier in copiers:
            copier.start()
        _pass_signals_on(signals, child)
        end = child.exit()
        # Nobody is left who could write, so the copiers end as soon as our own reader has taken everything.
        for copier in copiers:
            copier.join()
    return end


def _copy(source: IO[bytes], sink: int, tail: Tail) -> None:
    while chunk := os.read(source.fileno(), 65536):
        tail.add(chunk)
        try:
            terminal.write_all(sink, chunk)
        except OSError:
            source.close()  # nobody reads us any more, which is for the command to notice
            return


@contextmanager
def _blocked() -> Iterator[set[signal.Signals]]:
    """Signals wait until they are asked for, so that it can be told who sent them."""
    wanted = {signal.SIGCHLD} | {
        number for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is not signal.SIG_IGN
    }
    before = signal.pthread_sigmask(signal.SIG_BLOCK, wanted)
    try:
        yield wanted
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _pass_signals_on(signals: set[signal.Signals], child: Attached) -> None:
    """Until nothing is left of the command: what somebody sent to us is for it."""
    while not child.is_over():
        number, is_from_terminal = _next_of(signals)
        if number in (signal.SIGTERM, signal.SIGHUP):
            child.stop()
        elif number == signal.SIGINT and not is_from_terminal:  # else the command got it as well
            child.pass_on(signal.SIGINT)


def _next_of(signals: set[signal.Signals]) -> tuple[int, bool]:
    """Wait for a signal; and whether the kernel sent it, as for Ctrl-C. Source: sigaction(2), si_code, then positive."""
    if sys.platform == "darwin":
        return signal.sigwait(signals), True  # there it cannot be told
    got = signal.sigwaitinfo(signals)
    return got.si_signo, got.si_code > 0
