"""Whether the system has run out of memory, as far as it says."""

from __future__ import annotations

from pathlib import Path

_COUNTERS = Path("/proc/vmstat")


def oom_kills(counters: Path = _COUNTERS) -> int | None:
    """How many processes the kernel has killed for lack of memory since the boot; None if it does not say.

    Source: proc(5), /proc/vmstat, oom_kill (Linux 4.13); it counts those of memory cgroups too.
    """
    try:
        lines = counters.read_text("ascii").splitlines()
    except OSError:
        return None
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)
