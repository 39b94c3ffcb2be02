"""Short-lived child processes, timed side by side, and the idle life of long-lived ones."""

from __future__ import annotations

import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = sys.executable
PROGRAM = str(Path(PYTHON).parent / "buildnet-notify")

# What makes Python slower or changes what it does, and what would lead our program elsewhere.
_STRIPPED = ("PYTHON", "BUILDNET_", "XDG_", "NO_COLOR", "FORCE_COLOR")


def environment(home: Path) -> dict[str, str]:
    """The environment of everything that is measured: a home of its own, and bytecode."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_STRIPPED)}
    return {**kept, "HOME": str(home), "TERM": "dumb"}


@dataclass(frozen=True)
class Command:
    """argv, and the folder, environment and exit code that belong to it."""

    argv: Sequence[str]
    cwd: Path
    environ: Mapping[str, str]
    code: int = 0


@dataclass(frozen=True)
class Cost:
    """What one run of a command took, in seconds: on the clock, and of the processor in user and system mode."""

    wall: float
    cpu: float


def run(command: Command) -> Cost:
    """Start a command, wait for it, and see that it ended as it should."""
    quiet = [(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_RDWR, 0) for fd in (0, 1, 2)]
    os.chdir(command.cwd)
    begin = time.perf_counter()
    pid = os.posix_spawn(command.argv[0], list(command.argv), dict(command.environ), file_actions=quiet)
    _, status, usage = os.wait4(pid, 0)
    wall = time.perf_counter() - begin
    code = os.waitstatus_to_exitcode(status)
    if code != command.code:
        raise RuntimeError(f"{' '.join(command.argv)} ended with {code}, not {command.code}")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def interleaved(commands: Mapping[str, Command], *, rounds: int) -> dict[str, list[Cost]]:
    """Every command once in each round, so that what disturbs one disturbs all. The first round only warms up and is dropped."""
    costs: dict[str, list[Cost]] = {name: [] for name in commands}
    for _ in range(rounds + 1):
        for name, command in commands.items():
            costs[name].append(run(command))
    return {name: found[1:] for name, found in costs.items()}


def ratios(values: Sequence[float], references: Sequence[float]) -> float:
    """The median of the ratios of each round."""
    return statistics.median(value / reference for value, reference in zip(values, references, strict=True))


def instructions(command: Command) -> int:
    """How many instructions a command executes, counted by callgrind. Raises FileNotFoundError without valgrind."""
    argv = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", *command.argv]
    environ = {**command.environ, "PYTHONHASHSEED": "0"}
    child = subprocess.run(argv, cwd=command.cwd, env=environ, capture_output=True, text=True, check=True)
    return int(next(line.rpartition(":")[2] for line in child.stderr.splitlines() if "Collected" in line))


def rss_mb(pid: int) -> float:
    """Resident memory in MiB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


def cpu_secs(pid: int) -> float:
    """Processor time of all threads so far, to the nanosecond."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def end(child: subprocess.Popen[bytes]) -> None:
    """Ask a process that we started to stop, and make sure of it."""
    child.send_signal(signal.SIGTERM)
    try:
        child.wait(20)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
