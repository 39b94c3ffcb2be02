"""Which process a number meant: its start time and the system's boot tell it from a later one of the same number."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from pathlib import Path

from buildnet_cli.process.supervisor import descendants

_PROC = Path("/proc")
_BOOT_ID = _PROC / "sys/kernel/random/boot_id"
_GIVE_UP_SECS = 5.0
_LOOK_AGAIN_SECS = 0.02


def of(*pids: int) -> str:
    """What to write down of running processes, to find them again: `BOOT PID:START …`; those that have ended are left out."""
    found = [f"{pid}:{started}" for pid in pids if (started := _started(pid))]
    return " ".join([_boot(), *found]) if found else ""


def is_alive(written: str) -> bool:
    """Whether any of the processes that were written down still runs."""
    return bool(_still_there(written))


def end_leftovers(written: str) -> int:
    """Kill those of the processes that still run, with all their descendants, and wait until they have ended; how many.

    A process that merely has the same number is left alone. Blocks, for 5 s at most.
    """
    killed: set[int] = set()
    deadline = time.monotonic() + _GIVE_UP_SECS
    while (roots := _still_there(written)) and time.monotonic() < deadline:
        # A supervisor, written down before its command, takes the orphans in, and ends when there are none left.
        for pid in (*(pid for root in roots for pid in descendants(root)), *(roots[1:] or roots)):
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
                killed.add(pid)
        time.sleep(_LOOK_AGAIN_SECS)
    return len(killed)


def _still_there(written: str) -> list[int]:
    boot, *processes = written.split() or [""]
    if boot != _boot():
        return []
    pairs = (process.partition(":") for process in processes)
    return [int(pid) for pid, _, started in pairs if pid.isdecimal() and started == _started(int(pid))]


def _started(pid: int) -> str:
    """When a process was started, in ticks since the boot; empty if it does not run, or nobody says.

    Source: proc(5), /proc/pid/stat, fields 3 (state) and 22 (start time).
    """
    try:
        fields = (_PROC / str(pid) / "stat").read_bytes().rpartition(b")")[2].split()
    except OSError:
        return ""
    return "" if fields[0] in (b"Z", b"X") else fields[19].decode()


def _boot() -> str:
    try:
        return _BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""
