"""The log of one build: its beginning and its end are kept, however much it says, and never a secret."""

from __future__ import annotations

import logging
import os
from collections import deque
from pathlib import Path

from buildnet_cli.redact import scrub

HEAD_BYTES = 1 << 20
TAIL_BYTES = 4 << 20
LINE_BYTES = 16 << 10
"""A longer line is cut, so that a minified bundle cannot push out everything else."""

# A secret that lies across the cut must be seen whole to be masked.
_BEYOND_CUT = 4 << 10

_log = logging.getLogger(__name__)


class BuildLog:
    """Takes output in pieces of any size, and writes whole, scrubbed lines.

    The first `head_bytes` are in the file at once; of the rest, the last `tail_bytes` follow when it is closed, after a line
    that counts what is missing between them. A disk that refuses costs the log, never the build.
    """

    def __init__(
        self, path: Path, *, head_bytes: int = HEAD_BYTES, tail_bytes: int = TAIL_BYTES, line_bytes: int = LINE_BYTES
    ) -> None:
        self.path = path
        self._head_left = head_bytes
        self._tail_bytes = tail_bytes
        self._line_bytes = line_bytes
        self._pending = b""
        self._dropped_of_line = 0
        self._recent: deque[bytes] = deque()
        self._recent_bytes = 0
        self._beyond_head = 0
        self._fd: int | None = None
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as exc:
            self._give_up(exc)

    def feed(self, chunk: bytes) -> None:
        """Take the next piece of output."""
        lines, newline, rest = (self._pending + chunk).rpartition(b"\n")
        if newline:
            self._take(lines)
        self._pending = self._bounded(rest)

    def tail(self, max_bytes: int) -> str:
        """The last lines, up to so many bytes, from memory."""
        kept: list[bytes] = []
        for line in reversed(self._recent):
            max_bytes -= len(line)
            if max_bytes < 0:
                break
            kept.append(line)
        return b"".join(reversed(kept)).decode("utf-8", "replace")

    def close(self) -> None:
        """Write the last line and the tail. What comes later is not taken."""
        if self._pending:
            self._take(self._pending)
            self._pending = b""
        tail: list[bytes] = []
        missing = self._beyond_head
        for line in reversed(self._recent):
            if missing < len(line):
                break
            missing -= len(line)
            tail.append(line)
        if missing:
            self._write(f"\n[… {missing} bytes left out here …]\n\n".encode())
        for line in reversed(tail):
            self._write(line)
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None

    def _bounded(self, pending: bytes) -> bytes:
        """An unfinished line: of what a progress bar overwrites only the last state, and never more than can be kept."""
        overwritten = pending.rfind(b"\r", 0, -1)
        if overwritten >= 0:
            pending = pending[overwritten + 1 :]
            self._dropped_of_line = 0
        most = self._line_bytes + _BEYOND_CUT
        self._dropped_of_line += max(len(pending) - most, 0)
        return pending[:most]

    def _take(self, lines: bytes) -> None:
        """Whole lines, scrubbed together: that is quick, and a secret may have several lines."""
        for text in scrub(lines.decode("utf-8", "replace")).split("\n"):
            line = text.removesuffix("\r").rpartition("\r")[2].encode()
            dropped = self._dropped_of_line + max(len(line) - self._line_bytes, 0)
            self._dropped_of_line = 0
            if dropped:
                kept = line[: self._line_bytes].decode("utf-8", "ignore")
                line = f"{kept} [… {dropped} bytes of this line left out]".encode()
            self._keep(line + b"\n")

    def _keep(self, line: bytes) -> None:
        if self._beyond_head == 0 and len(line) <= self._head_left:
            self._head_left -= len(line)
            self._write(line)
        else:
            self._beyond_head += len(line)
        self._recent.append(line)
        self._recent_bytes += len(line)
        while self._recent_bytes > self._tail_bytes:
            self._recent_bytes -= len(self._recent.popleft())

    def _write(self, data: bytes) -> None:
        if self._fd is None:
            return
        try:
            # A short write means a full disk; the next one says so.
            os.write(self._fd, data)
        except OSError as exc:
            os.close(self._fd)
            self._fd = None
            self._give_up(exc)

    def _give_up(self, exc: OSError) -> None:
        _log.warning("a build log cannot be written", extra={"path": str(self.path), "reason": exc.strerror})
