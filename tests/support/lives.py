"""Agents as children of a test: started in one step, killed at any moment, and the last one left in peace to finish."""

from __future__ import annotations

import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from tests.support.agent import PATIENCE_SECS, Project, wait_for

Agent = subprocess.Popen[bytes]


class Lives:
    """The agents of one project, one after the other. starts: when each began."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self.starts: list[datetime] = []

    @contextmanager
    def agent(
        self, *, until_ready: bool = True, prefix: Sequence[str] = (), env: Mapping[str, str] | None = None
    ) -> Iterator[Agent]:
        """One agent; it has been killed, if it had not ended, when the block ends.

        until_ready: whether it serves when the block begins, or may still be starting. prefix: a program that runs it.
        """
        logs = self._project.state / "logs"
        logs.mkdir(mode=0o700, exist_ok=True)
        ready_fd, report_fd = os.pipe()
        command = ["-m", "buildnet_cli", "agent", "run", "--ready-fd", str(report_fd), "--config", str(self._project.config)]
        self.starts.append(datetime.now(UTC))
        try:
            with (logs / "agent.err").open("ab") as errors:
                child = subprocess.Popen(
                    [*prefix, sys.executable, *command, "--project", str(self._project.root)],
                    cwd=self._project.root,
                    env={**self._project.environ, **(env or {})},
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                    pass_fds=[report_fd],
                )
        finally:
            os.close(report_fd)
        try:
            if until_ready:
                assert select.select([ready_fd], [], [], PATIENCE_SECS)[0], "the agent does not come up"
                report = os.read(ready_fd, 65536)
                assert b'"api"' in report, f"the agent does not start: {report!r}"
            yield child
        finally:
            os.close(ready_fd)
            child.kill()
            child.wait()

    def finish(self, *, within_secs: float = 60.0) -> None:
        """Let the time pass until failed attempts are made again, and a last agent, that nothing disturbs, send all there is."""
        self._project.make_due()
        with self.agent():
            until_settled(self._project, within_secs=within_secs)


def unhindered(*webhooks: dict[str, Any]) -> dict[str, Any]:
    """The section of a configuration that sends every event on at once to all of these."""
    limits = {"max_per_minute": 100_000, "max_per_hour": 1_000_000, "critical_per_minute": 100_000}
    return {
        "notifications": {
            "settings": {"dedup_window_secs": 0, "rate_limit": limits},
            "channels": {"webhooks": [{"events": ["*"], **webhook} for webhook in webhooks]},
        }
    }


def until_settled(project: Project, *, within_secs: float = PATIENCE_SECS) -> None:
    """Wait until the agent has nothing more to send."""
    wait_for(lambda: project.status()["deliveries"]["pending"] == 0, "something is still pending", within_secs=within_secs)
