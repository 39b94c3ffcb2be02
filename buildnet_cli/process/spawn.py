"""Starts child processes that need no supervisor: short ones, attached ones, and our own agent.

A command is a list of arguments, never a line for a shell to read; the environment is always handed in.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from collections.abc import Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from buildnet_cli.process.lifeline import Exit

OWN_PREFIX = "BUILDNET_"
"""Variables under this prefix are ours; no child but our own agent gets to see them."""


def child_environment(environ: Mapping[str, str], without: Collection[str] = ()) -> dict[str, str]:
    """What a build may inherit: everything but our own variables and the named ones, with messages in English.

    without: names of the variables that hold our secrets.
    """
    env = {name: value for name, value in environ.items() if name not in without and not name.startswith(OWN_PREFIX)}
    # LC_ALL would overrule LC_MESSAGES; as LANG it still decides everything else.
    everything = env.pop("LC_ALL", "")
    if everything:
        env = {name: value for name, value in env.items() if not name.startswith("LC_")} | {"LANG": everything}
    return env | {"LC_MESSAGES": "C"}


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished child: how it ended, and what it wrote to stdout and stderr (as much as was asked for)."""

    exit: Exit
    output: str


def run(
    argv: Sequence[str],
    *,
    env: Mapping[str, str],
    cwd: Path | None = None,
    timeout_secs: float,
    max_output: int = 1 << 20,
) -> Completed:
    """Run a short command to its end, for callers without an event loop.

    Raises OSError if the program or the folder is not there, TimeoutError (with the group killed) if it takes too long.
    """
    with (
        # A file, unlike a pipe, neither fills up nor waits for grandchildren.
        tempfile.TemporaryFile() as output,
        subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=cwd, env=dict(env), start_new_session=True
        ) as process,
    ):
        try:
            returncode = process.wait(timeout_secs)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{argv[0]} took longer than {timeout_secs:g} s") from None
        finally:
            _signal_group(process.pid, signal.SIGKILL)
        output.seek(0)
        return Completed(Exit(returncode), output.read(max_output).decode("utf-8", "replace"))


def run_attached(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path | None = None) -> Exit:
    """Hand the terminal to a command such as an editor, until it ends. Raises OSError if it cannot be started."""
    with subprocess.Popen(argv, env=dict(env), cwd=cwd) as process:
        return Exit(process.wait())


def spawn_detached(argv: Sequence[str], *, env: Mapping[str, str], cwd: Path, stderr_path: Path, pass_fd: int) -> int:
    """Start a process that outlives us, and return its pid.

    stderr_path: what it says on stderr is appended there. pass_fd: stays open in it, under the same number.
    Raises OSError if the program, the folder or the file cannot be opened.
    """
    stderr = os.open(stderr_path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    try:
        process = subprocess.Popen(
            argv,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=stderr,
            env=dict(env),
            cwd=cwd,
            pass_fds=(pass_fd,),
            start_new_session=True,
        )
    finally:
        os.close(stderr)
    # It is not ours to wait for; a Popen object that believes it still runs would warn when it is collected.
    process.returncode = 0
    return process.pid


def replace_process(argv: Sequence[str]) -> NoReturn:
    """Become another program with the same pid, environment and folder. Raises OSError if it cannot be started."""
    os.execv(argv[0], list(argv))  # noqa: S606  (no shell is wanted)


def group_is_alive(pgid: int) -> bool:
    """Whether a process group has a member that still runs. One that is dead but not yet reaped does not count."""
    try:
        os.killpg(pgid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    # In a container nobody may reap orphans, and a group of zombies would look alive for ever.
    members = _members(pgid)
    return members is None or any(state != "Z" for state in members)


def _members(pgid: int) -> list[str] | None:
    """The states of a group's processes; None where there is no /proc."""
    proc = Path("/proc")
    if not (proc / "self/stat").exists():
        return None
    states = []
    for entry in proc.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name, in brackets, may itself hold spaces and brackets. Source: proc(5), /proc/pid/stat.
                state, _parent, group = (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()[:3]
                if int(group) == pgid:
                    states.append(state)
    return states


def _signal_group(pgid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(pgid, number)
