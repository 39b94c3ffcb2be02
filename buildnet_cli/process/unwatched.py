"""Children that nobody watches over: they stay in our process group, and live on when we die or lose interest.

The opposite of `supervised`, for the stand-in of a daemon that leaves its builds so.
"""

from __future__ import annotations

import asyncio
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

_LOOK_AGAIN_SECS = 0.01


class Unwatched:
    """A running child with our environment, nothing to read, and an stdout that nobody sees.

    Raises OSError if the program or the folder is not there.
    """

    def __init__(self, argv: Sequence[str], *, cwd: Path) -> None:
        # A file, unlike a pipe, does not fill up when nobody reads it.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115  (it lives as long as the child)
        try:
            self._process = subprocess.Popen(
                argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self._stderr, cwd=cwd
            )
        except OSError:
            self._stderr.close()
            raise

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> tuple[int, str]:
        """Its end: the exit code, or minus the number of a signal; and what it wrote to stderr."""
        while self._process.poll() is None:  # noqa: ASYNC110  (only asyncio's own children tell of their end)
            await asyncio.sleep(_LOOK_AGAIN_SECS)
        with self._stderr as file:
            file.seek(0)
            return self._process.returncode, file.read().decode("utf-8", "replace")

    def end(self) -> None:
        """Kill it after all; what it started goes on."""
        self._process.kill()
        self._process.wait()
        self._stderr.close()
