"""Digests of files, and the memory that saves reading them again."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from buildnet_cli.engine.local.globbing import Found

RACY_NS: Final = 2_000_000_000
"""A file that changed less than this before it was read may change again without a trace in its times.

Source: git, Documentation/technical/racy-git.adoc; 2 s is the coarsest clock of a file system (FAT).
"""

_CHUNK = 1 << 20

Memo = Mapping[str, tuple[int, int, int, int, str]]
"""By path: size, mtime_ns, ctime_ns and inode of a file, and the digest it had then."""


def digest_of(data: bytes) -> str:
    """BLAKE3 in hexadecimal."""
    from blake3 import blake3

    return blake3(data).hexdigest()


def digest_of_json(value: Any) -> str:
    """Of a value made of what JSON knows, whatever the order of its keys."""
    return digest_of(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())


def digest_of_file(path: Path | str) -> str:
    """Of a regular file's content. Raises OSError if it is anything else or cannot be read."""
    from blake3 import blake3

    # Neither a pipe that took the file's place nor a symlink may be waited for or followed.
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123  (a descriptor has no path)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(f"{path} is no regular file")
        hasher = blake3()
        while chunk := file.read(_CHUNK):
            hasher.update(chunk)
    return hasher.hexdigest()


class Hasher:
    """Tells files apart by kind, exec bit and content; reads only those that may have changed since the memo was made.

    now_ns: the time, since the epoch. fresh: the memo for the next time.
    """

    def __init__(self, root: Path, memo: Memo, now_ns: int) -> None:
        self._root = root
        self._memo = memo
        self._trusted_before_ns = now_ns - RACY_NS
        self.fresh: dict[str, tuple[int, int, int, int, str]] = {}

    def token(self, found: Found) -> str:
        """`f:` file, `x:` executable file or `l:` symlink, with the digest of its content or target; `o:` anything else.

        Raises OSError if it cannot be read.
        """
        info = found.info
        if stat.S_ISLNK(info.st_mode):
            target = os.readlink(f"{self._root}/{found.path}")  # noqa: PTH115  (a Path would tidy up what it says)
            return "l:" + digest_of(os.fsencode(target))
        if not stat.S_ISREG(info.st_mode):
            return "o:"
        return ("x:" if info.st_mode & stat.S_IXUSR else "f:") + self._digest(found)

    def _digest(self, found: Found) -> str:
        info = found.info
        signature = (info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
        known = self._memo.get(found.path)
        if known is not None and tuple(known[:4]) == signature:
            self.fresh[found.path] = known
            return known[4]
        digest = digest_of_file(f"{self._root}/{found.path}")
        if max(info.st_mtime_ns, info.st_ctime_ns) < self._trusted_before_ns:
            self.fresh[found.path] = (*signature, digest)
        return digest
