"""Starting the agent from a terminal: detach it, and wait until it says that it is ready, or why it is not."""

from __future__ import annotations

import json
import os
import select
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from buildnet_cli.agent.lock import holder
from buildnet_cli.errors import BuildNetError, Kind, TimedOutError
from buildnet_cli.paths import Workspace, prepare_state
from buildnet_cli.process.spawn import spawn_detached

READY_WITHIN_SECS = 15.0
"""How long an agent may take to come up; it waits up to 5 s of these for a verb that holds the lock."""


@dataclass(frozen=True)
class Started:
    """An agent that answers.

    was_running: it had been started before. took_secs: from the call to its readiness.
    """

    pid: int
    was_running: bool
    took_secs: float
    report: dict[str, Any]


def start(workspace: Workspace) -> Started:
    """Start the agent of a workspace, or find the one that runs.

    Raises the error that kept it from starting, as the agent told it; TimedOutError if it neither came up nor gave up.
    """
    began = time.monotonic()
    prepare_state(workspace.state)
    running = holder(workspace.lock)
    if running is not None and "api" in running:
        return Started(int(running["pid"]), True, time.monotonic() - began, running)
    workspace.logs.mkdir(mode=0o700, exist_ok=True)
    ready_fd, report_fd = os.pipe()
    try:
        pid = spawn_detached(
            _command(workspace, report_fd),
            env=dict(os.environ),
            cwd=workspace.base,
            stderr_path=workspace.logs / "agent.err",
            pass_fd=report_fd,
        )
    finally:
        os.close(report_fd)
    try:
        report = _read_report(ready_fd, deadline=began + READY_WITHIN_SECS)
    finally:
        os.close(ready_fd)
    if report is None:
        # It would hold the lock against the next start. It is our own child, so the pid is nobody else's.
        os.kill(pid, signal.SIGKILL)
        raise TimedOutError(
            f"the agent (pid {pid}) did not come up within {READY_WITHIN_SECS:.0f} s",
            hint=f"look into {workspace.logs / 'agent.err'}",
        )
    _raise_failure(report, workspace.logs / "agent.err")
    was_running = bool(report.get("was_running"))
    return Started(int(report["pid"]), was_running, time.monotonic() - began, report)


def _command(workspace: Workspace, report_fd: int) -> list[str]:
    command = [
        sys.executable,
        "-m",
        "buildnet_cli",
        "agent",
        "run",
        "--ready-fd",
        str(report_fd),
        "--config",
        str(workspace.config),
    ]
    return [*command, "--project", str(workspace.root)] if workspace.root is not None else command


def _read_report(fd: int, *, deadline: float) -> dict[str, Any] | None:
    """One JSON line from the agent; an empty object if it died without a word, None if it stayed silent too long."""
    text = b""
    while not text.endswith(b"\n"):
        remaining = deadline - time.monotonic()
        if remaining <= 0 or not select.select([fd], [], [], remaining)[0]:
            return None
        chunk = os.read(fd, 65536)
        if not chunk:
            return {}
        text += chunk
    report = json.loads(text)
    assert isinstance(report, dict)
    return report


class StartError(BuildNetError):
    """What kept the agent from starting, as it said itself."""

    def __init__(self, failure: dict[str, str]) -> None:
        super().__init__(failure["message"], hint=failure["hint"], where=failure["where"])
        self.kind = Kind(failure["kind"])
        self._report = failure["report"]

    def report(self) -> str:
        return self._report


def _raise_failure(report: dict[str, Any], stderr: Path) -> None:
    if not report:
        raise BuildNetError("the agent died while starting", hint=f"its last words are in {stderr}")
    failure = report.get("error")
    if failure is not None:
        raise StartError(failure)


class Starter:
    """Whoever waits for the agent's first word, from the agent's side. It is told once; after that nobody waits.

    fd: the pipe it waits on; None if the agent was started in the foreground.
    """

    def __init__(self, fd: int | None) -> None:
        self._fd = fd
        self.is_foreground = fd is None

    @property
    def is_waiting(self) -> bool:
        return self._fd is not None

    def tell(self, report: dict[str, Any]) -> None:
        """Say how the start went, and let go of the pipe."""
        if self._fd is not None:
            fd, self._fd = self._fd, None
            os.write(fd, json.dumps(report).encode() + b"\n")
            os.close(fd)


def failure_report(error: BuildNetError) -> dict[str, Any]:
    """The report of a start that failed, for `start` to raise again."""
    return {
        "error": {
            "kind": error.kind.value,
            "message": error.message,
            "hint": error.hint,
            "where": error.where,
            "report": error.report(),
        }
    }
