"""A wall clock of its own for a process, which a test sets while it runs."""

from __future__ import annotations

from pathlib import Path


class FakedTime:
    """Handed to a process in its environment. What measures how much time has passed is left alone, as it is by a real clock."""

    def __init__(self, folder: Path) -> None:
        self._offset = folder / "offset"
        self.set(0)
        library = next(Path("/usr/lib").glob("*/faketime/libfaketime.so.1"))
        self.environ = {
            "LD_PRELOAD": str(library),
            "FAKETIME_TIMESTAMP_FILE": str(self._offset),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }

    def set(self, offset_secs: int) -> None:
        """So far from the true time."""
        fresh = self._offset.with_suffix(".new")
        fresh.write_text(f"{offset_secs:+d}\n")
        fresh.replace(self._offset)
