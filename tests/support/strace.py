"""Runs a program so that one of its writes kills it, or fails: every moment at which a disk can be left half-written."""

from __future__ import annotations

import shutil
import subprocess

from tests.support.programs import PROGRAMS

WRITES = "write,pwrite64,fsync,fdatasync,ftruncate,rename,unlink"
"""The system calls by which anything of ours gets onto a disk. Each thread counts its own."""


def kill_at(number: int) -> list[str]:
    """The prefix of a command: it is killed as one of its threads begins the write of this number."""
    return _strace(WRITES, f"signal=KILL:when={number}")


def fail(calls: str, error: str, first: int, last: int) -> list[str]:
    """The prefix of a command: of each of its threads, these calls fail from one number to another."""
    return _strace(calls, f"error={error}:when={first}..{last}")


def _strace(calls: str, effect: str) -> list[str]:
    return ["strace", "-f", "-qqq", "-o", "/dev/null", f"--trace={calls}", f"--inject={calls}:{effect}"]


def why_not() -> str:
    """Why programs cannot be traced here; empty if they can."""
    if shutil.which("strace") is None:
        return f"strace is not installed (apt-get install {PROGRAMS['strace']})"
    tried = subprocess.run(["strace", "-f", "-o", "/dev/null", "true"], capture_output=True, text=True)
    return f"CAP_SYS_PTRACE: {tried.stderr.strip()}" if tried.returncode else ""
