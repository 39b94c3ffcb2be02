"""The end of a stream: what is kept of it to say why a command failed."""

from __future__ import annotations

from collections import deque

TAIL_BYTES = 256 << 10


class Tail:
    """The last `TAIL_BYTES` of what it was given."""

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
