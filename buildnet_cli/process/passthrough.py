"""Runs a command as if it had been typed: its terminal, its input and its exit code are its own; we only listen."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import signal
import struct
import subprocess
import sys
import termios
import threading
import time
import tty
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO

TAIL_BYTES = 256 << 10
"""How much of the end of the output is kept."""

# What may still come after the end of the command, from its own last words and from processes it left behind.
_DRAIN_SECS = 0.5
_DRAIN_BYTES = 1 << 20
_LOOK_EVERY_SECS = 0.1


@dataclass(frozen=True)
class PassedThrough:
    """How a command ended.

    exit_code: its own; 128 + signal if one ended it; 127 or 126 if it could not be run.
    output: the last `TAIL_BYTES` of what it wrote, both streams.
    """

    exit_code: int
    output: str


class _Tail:
    """The end of a stream of bytes."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= TAIL_BYTES:
            self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        return b"".join(self._chunks)[-TAIL_BYTES:].decode("utf-8", "replace")


def run_passthrough(argv: Sequence[str], *, env: Mapping[str, str]) -> PassedThrough:
    """Run a command to its end with our own input and output, and keep a copy of the last of what it wrote."""
    tail = _Tail()
    try:
        run = _on_terminal if os.isatty(0) and os.isatty(1) else _on_pipes
        return PassedThrough(run(argv, env, tail), tail.text())
    except FileNotFoundError:
        return PassedThrough(127, f"{argv[0]}: command not found\n")
    except PermissionError:
        return PassedThrough(126, f"{argv[0]}: permission denied\n")


def _on_pipes(argv: Sequence[str], env: Mapping[str, str], tail: _Tail) -> int:
    with subprocess.Popen(argv, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child, _forwarded(child.pid):
        assert child.stdout is not None
        assert child.stderr is not None
        has_ended = threading.Event()
        copiers = [
            threading.Thread(target=_copy, args=(source, sink, tail, has_ended), daemon=True)
            for source, sink in ((child.stdout, sys.stdout.buffer), (child.stderr, sys.stderr.buffer))
        ]
        for copier in copiers:
            copier.start()
        code = child.wait()
        has_ended.set()
        for copier in copiers:
            copier.join()
    return _exit_code(code)


def _copy(source: IO[bytes], sink: IO[bytes], tail: _Tail, has_ended: threading.Event) -> None:
    """Copy until nobody can write any more; after the command's end no longer than it takes to hear its last words.

    Something it left behind may hold the pipe, and is not ours to wait for. A reader who takes his time is.
    """
    patience_secs, left_bytes = _DRAIN_SECS, _DRAIN_BYTES
    while patience_secs > 0 and left_bytes > 0:
        began = time.monotonic()
        is_ready = bool(select.select([source], [], [], min(patience_secs, _LOOK_EVERY_SECS))[0])
        if has_ended.is_set():
            patience_secs -= time.monotonic() - began
        if not is_ready:
            continue
        chunk = os.read(source.fileno(), 65536)
        if not chunk:
            return
        left_bytes -= len(chunk) if has_ended.is_set() else 0
        tail.add(chunk)
        with contextlib.suppress(BrokenPipeError):
            sink.write(chunk)
            sink.flush()


def _on_terminal(argv: Sequence[str], env: Mapping[str, str], tail: _Tail) -> int:
    ours, theirs = os.openpty()
    try:
        _copy_size(ours)
        child = subprocess.Popen(  # the terminal has to become the controlling one of the new session
            argv, env=env, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True, preexec_fn=_control_terminal
        )
    finally:
        os.close(theirs)
    before = termios.tcgetattr(0)
    resized = signal.signal(signal.SIGWINCH, lambda *_: _copy_size(ours))
    try:
        tty.setraw(0, termios.TCSADRAIN)  # keeps what was typed ahead
        with _forwarded(child.pid):
            _shuttle(ours, child.poll, tail)
            return _exit_code(child.wait())
    finally:
        signal.signal(signal.SIGWINCH, resized)
        termios.tcsetattr(0, termios.TCSADRAIN, before)
        os.close(ours)


def _control_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _shuttle(ours: int, has_ended: Callable[[], int | None], tail: _Tail) -> None:
    """Carry bytes both ways until the other side has closed its terminal, or has ended and has nothing more to say."""
    sources = [ours, 0]
    while True:
        ready, _, _ = select.select(sources, [], [], 0.1)
        if ours in ready:
            try:
                chunk = os.read(ours, 65536)
            except OSError:  # Linux says EIO when the last process has closed the terminal
                return
            if not chunk:
                return
            tail.add(chunk)
            os.write(1, chunk)
        elif has_ended() is not None:
            return
        if 0 in ready:
            typed = os.read(0, 65536)
            if typed:
                os.write(ours, typed)
            else:
                sources.remove(0)


def _copy_size(ours: int) -> None:
    blank = struct.pack("4H", 0, 0, 0, 0)
    fcntl.ioctl(ours, termios.TIOCSWINSZ, fcntl.ioctl(1, termios.TIOCGWINSZ, blank))


@contextlib.contextmanager
def _forwarded(pid: int) -> Iterator[None]:
    """While the command runs: Ctrl-C is its business, and a request to end us is passed on to it."""
    before = {
        signal.SIGINT: signal.signal(signal.SIGINT, lambda *_: None),
        signal.SIGTERM: signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM)),
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code
