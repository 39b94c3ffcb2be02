"""The agent's process from its first line: take the lock, read the configuration, begin the log, and live."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any, Final

import uvloop

from buildnet_cli import logs
from buildnet_cli.agent.lifecycle import become_anew
from buildnet_cli.agent.lock import AgentLock, acquire_or_meet
from buildnet_cli.agent.runtime import Agent
from buildnet_cli.agent.start import Starter, failure_report
from buildnet_cli.clock import SystemClock
from buildnet_cli.config.loader import Loaded, load
from buildnet_cli.config.problems import as_text as problems_as_text
from buildnet_cli.errors import BuildNetError, ConflictError
from buildnet_cli.paths import Workspace, find_workspace, prepare_state
from buildnet_cli.redact import scrub
from buildnet_cli.secrets.vault import open_vault

_log = logging.getLogger(__name__)

LOCK_WAIT_SECS: Final = 5.0
"""How long a start waits for a verb of the terminal that holds the lock."""


def run_agent(workspace: Workspace, *, ready_fd: int | None, verbosity: int = 0) -> int:
    """Run the agent until it is told to stop; its exit code.

    ready_fd: a pipe on which a starter waits for one line of JSON; None in the foreground.
    Raises what kept it from starting, unless a starter waits: that one is told instead.
    """
    starter = Starter(ready_fd)
    try:
        prepare_state(workspace.state)
        lock = AgentLock(workspace.lock)
        running = acquire_or_meet(lock, workspace.lock, wait_secs=LOCK_WAIT_SECS)
        if running is not None:
            return _already_running(running, starter)
        # The lock is never let go: it ends with the process, so that whoever waits for its end waits for ours.
        loaded = load(workspace.config, open_vault().get)
        _start_log(workspace, loaded, verbosity, to_file=not starter.is_foreground)
        code = uvloop.run(Agent(workspace, loaded, lock, SystemClock()).run(starter))
        if code is None:
            become_anew(ready_fd)
        return code
    except BuildNetError as exc:
        if not starter.is_waiting:
            raise
        starter.tell(failure_report(exc))
        return 1


def run_detached(ready_fd: str, config: str, project: str | None = None) -> int:
    """Run the agent as `start` spawns it, with nobody but that one to tell what went wrong."""
    try:
        workspace = find_workspace(project=Path(project) if project is not None else None, config=Path(config))
        return run_agent(workspace, ready_fd=int(ready_fd))
    except Exception as exc:  # noqa: BLE001  (there is nobody above)
        import traceback

        sys.stderr.write(scrub("".join(traceback.format_exception(exc))))
        return 1


def _already_running(running: dict[str, Any], starter: Starter) -> int:
    if starter.is_foreground:
        raise ConflictError(f"an agent runs already (pid {running.get('pid')})", hint="stop it first: buildnet-notify agent stop")
    starter.tell({**running, "was_running": True})
    return 0


def _start_log(workspace: Workspace, loaded: Loaded, verbosity: int, *, to_file: bool) -> None:
    log = loaded.config.agent.log
    level = "debug" if verbosity or loaded.config.notifications.debug else log.level
    if to_file:
        logs.to_file(workspace.logs / "agent.log", level=level, max_mb=log.max_mb, keep=log.keep)
    else:
        logs.to_stream(sys.stderr, level=level)
    if loaded.problems:
        _log.warning("the configuration has remarks:\n%s", problems_as_text(loaded.problems))
