"""Finding and ending what the daemon runs: it has no way to be asked. Only on this machine, and only as the same user.

Everything here blocks.
"""

from __future__ import annotations

import contextlib
import ipaddress
import os
from collections.abc import Iterable
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

import psutil

Process: TypeAlias = psutil.Process

_CLOCK_STEP_SECS = 1.0
_KILLED_WITHIN_SECS = 2.0


def find_daemon(url: str) -> Process | None:
    """The process that listens at a loopback URL, if it is ours to end; None otherwise."""
    if not is_loopback(url):
        return None
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                process = Process(connection.pid)
                return process if process.uids().real == os.getuid() else None
    except psutil.Error:
        return None
    return None


def folder_of(process: Process) -> Path | None:
    """Where a process works; None if that cannot be told."""
    try:
        return Path(process.cwd())
    except psutil.Error:
        return None


def find_build(url: str, command: str, folder: Path, began: float) -> Process | None:
    """The child that builds a package; None unless there is exactly one that it can be.

    command: what the daemon hands to `sh -c`. folder: absolute. began: not before this moment, in seconds since 1970.
    """
    daemon = find_daemon(url)
    if daemon is None:
        return None
    found = []
    for child in _children(daemon):
        with contextlib.suppress(psutil.Error):
            if child.create_time() >= began - _CLOCK_STEP_SECS and folder_of(child) == folder:
                found.append(child)
    # Some shells become the command that they are given, so that its line is another one.
    exact = [child for child in found if _command_line(child)[1:] == ["-c", command]]
    found = exact or found
    return found[0] if len(found) == 1 else None


def end(process: Process, grace_secs: float) -> None:
    """Ask a process and all that it started to end, and kill what is left after the grace.

    Not by group: it shares that with the daemon.
    """
    tree = [*_descendants(process), process]
    _tell(tree, kill=False)
    _, left = psutil.wait_procs(tree, timeout=grace_secs)
    # What was started meanwhile has to go as well.
    late = [child for each in left for child in _descendants(each)]
    _tell([*late, *left], kill=True)
    psutil.wait_procs([*late, *left], timeout=_KILLED_WITHIN_SECS)


def _children(process: Process) -> list[Process]:
    try:
        return process.children()
    except psutil.Error:
        return []


def _descendants(process: Process) -> list[Process]:
    try:
        return process.children(recursive=True)
    except psutil.Error:
        return []


def _command_line(process: Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def _tell(processes: Iterable[Process], *, kill: bool) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill() if kill else process.terminate()


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine by its very address."""
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
