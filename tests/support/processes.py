"""Processes that tests start to be left behind, and how to find what is left of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

MARK = "LEFT_BY"
"""A variable that a process and all it starts carry, however they hide."""


def left(mark: str) -> dict[int, str]:
    """Every process that runs and carries the mark, with its command line."""
    wanted = f"{MARK}={mark}".encode()
    found = {}
    for folder in Path("/proc").iterdir():
        try:
            if folder.name.isdigit() and wanted in (folder / "environ").read_bytes().split(b"\0"):
                found[int(folder.name)] = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except OSError:
            continue
    return {pid: line for pid, line in found.items() if line}


def environment(mark: str) -> dict[str, str]:
    """What a process inherits that is to be found again."""
    return {"PATH": os.environ["PATH"], MARK: mark}


_PYTHON = f"{sys.executable} -I -S -c"

HIDING = {
    "in a session of its own": "setsid sleep 300 &",
    "deaf to the request to end": "sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' &",
    "in a session of its own, and deaf": "setsid sh -c 'trap \"\" TERM HUP INT; while :; do sleep 1; done' &",
    "a daemon, forked twice": (
        f"{_PYTHON} 'import os, time; os.fork() and os._exit(0); os.setsid(); os.fork() and os._exit(0); "
        "os.closerange(0, 3); time.sleep(300)'"
    ),
    "stopped": "sh -c 'kill -STOP $$; sleep 300' &",
}
"""Shell commands that leave a process behind, by what makes it hard to end."""
