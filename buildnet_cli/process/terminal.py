"""Gives a command a terminal that behaves as ours, and carries every byte between the two."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import termios
import tty
from collections.abc import Callable, Iterator, Mapping, Sequence

from buildnet_cli.process.attached import Attached, attached
from buildnet_cli.process.lifeline import Exit, Kind
from buildnet_cli.process.tail import Tail

_CHUNK = 65_536


def is_ours() -> bool:
    """Whether we were started in the foreground of a terminal that is our input and our output."""
    try:
        return os.isatty(1) and os.tcgetpgrp(0) == os.getpgrp()
    except OSError:
        return False


def run(argv: Sequence[str], env: Mapping[str, str], tail: Tail, on_start: Callable[[], None]) -> Exit:
    """Run a command on a terminal of its own, with its errors wherever ours go. Raises OSError if it cannot be run."""
    ours, theirs = os.openpty()
    try:
        termios.tcsetattr(theirs, termios.TCSANOW, termios.tcgetattr(0))
        _copy_size(ours)
        errors = theirs if os.isatty(2) else subprocess.PIPE
        with attached(argv, env=env, kind=Kind.TERMINAL, stdin=theirs, stdout=theirs, stderr=errors) as child:
            on_start()
            outputs = {ours: 1}
            if child.stderr is not None:
                outputs[child.stderr.fileno()] = 2
            with _raw(), _signals(child, ours):
                _carry(ours, outputs, child, tail)
            return child.exit()
    finally:
        os.close(ours)
        os.close(theirs)


def _carry(keyboard: int, outputs: dict[int, int], child: Attached, tail: Tail) -> None:
    """Carry bytes both ways until nothing is left of the command, nor of what it wrote.

    keyboard: where what is typed goes. outputs: what is read, and where that goes.
    """
    inputs: list[Attached | int] = [0, child]
    typed = b""
    while True:
        # A command that does not read must not keep us from reading what it writes.
        listened = [source for source in inputs if source is child or not typed]
        ready, writable, _ = select.select([*outputs, *listened], [keyboard] if typed else [], [], None if child in inputs else 0)
        for source in [source for source in ready if source in outputs]:
            chunk = os.read(source, _CHUNK)
            tail.add(chunk)
            _show(chunk, outputs[source], child)
            if not chunk:
                del outputs[source]
        if child not in inputs and not ready:
            return
        if child in ready and not child.hear():
            inputs.remove(child)
        if writable:
            typed = typed[os.write(keyboard, typed[:1024]) :]
        elif 0 in ready:
            typed = os.read(0, _CHUNK)
            if not typed:
                inputs.remove(0)


def _show(chunk: bytes, sink: int, child: Attached) -> None:
    try:
        write_all(sink, chunk)
    except OSError:
        child.stop()  # our terminal is gone


def write_all(sink: int, chunk: bytes) -> None:
    """Write every byte, however many calls that takes."""
    while chunk:
        chunk = chunk[os.write(sink, chunk) :]


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Our terminal passes every key on; the command's own terminal knows what each means."""
    before = termios.tcgetattr(0)
    tty.setraw(0, termios.TCSADRAIN)  # keeps what was typed ahead
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _signals(child: Attached, ours: int) -> Iterator[None]:
    """Signals that somebody sends to us are for the command; the end of our own terminal is its end."""
    handlers: dict[signal.Signals, Callable[[], None]] = {
        signal.SIGWINCH: lambda: _copy_size(ours),
        signal.SIGINT: lambda: child.pass_on(signal.SIGINT),
        signal.SIGTERM: child.stop,
        signal.SIGHUP: child.stop,
    }
    before = {number: signal.signal(number, lambda got, _: handlers[signal.Signals(got)]()) for number in handlers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _copy_size(ours: int) -> None:
    blank = struct.pack("4H", 0, 0, 0, 0)
    fcntl.ioctl(ours, termios.TIOCSWINSZ, fcntl.ioctl(1, termios.TIOCGWINSZ, blank))
