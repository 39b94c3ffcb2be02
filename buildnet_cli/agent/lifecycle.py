"""STOP and RESTART: the agent's own end, its new beginning, and the same for a BuildNet daemon that it speaks for."""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import Callable
from typing import Final, NoReturn

from buildnet_cli.agent.engines import ChosenEngine
from buildnet_cli.config.loader import Loaded
from buildnet_cli.errors import BuildNetError, UnsupportedError
from buildnet_cli.paths import Workspace
from buildnet_cli.process.spawn import child_environment, replace_process, spawn_detached

_log = logging.getLogger(__name__)

DAEMON_WITHIN_SECS: Final = 10.0
"""How long a restart waits for the daemon to answer again."""
_POLL_SECS: Final = 0.1


class AgentLifecycle:
    """Implements `commands/model.Lifecycle`. ending: set when the end has begun."""

    def __init__(self, engine: ChosenEngine, workspace: Workspace, loaded: Callable[[], Loaded]) -> None:
        self.ending = asyncio.Event()
        self.is_restarting = False
        self._engine = engine
        self._workspace = workspace
        self._loaded = loaded
        self._ends_daemon = False

    async def prospect(self) -> str:
        status = await self._engine.status()
        count = len(status.running)
        return f"{count} {'build ends' if count == 1 else 'builds end'} with it" if count else ""

    def check_restart(self) -> None:
        if self._engine.is_daemon and not self._start_command:
            raise UnsupportedError(
                "the BuildNet daemon could be stopped, but not started again: engine.start_command is not set",
                hint="set it on that machine: buildnet-notify config set engine.start_command COMMAND",
            )

    def stop(self) -> None:
        self._ends_daemon = self._engine.is_daemon
        self.ending.set()

    def restart(self) -> None:
        self.is_restarting = True
        self.stop()

    async def turn_daemon(self) -> None:
        """Once everything is drained: end the daemon too if that was asked for, and start it again for a restart."""
        if not self._ends_daemon:
            return
        try:
            await self._engine.stop_daemon()
            if self.is_restarting:
                await self._start_daemon()
        except (BuildNetError, OSError, ValueError) as exc:
            _log.error("the BuildNet daemon was not %s: %s", "restarted" if self.is_restarting else "stopped", exc)

    async def _start_daemon(self) -> None:
        argv = shlex.split(self._start_command)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            spawn_detached(
                argv,
                env=child_environment(os.environ, self._loaded().names),
                cwd=self._workspace.base,
                stderr_path=self._workspace.logs / "buildnetd.err",
                pass_fd=null,
            )
        finally:
            os.close(null)
        deadline = asyncio.get_running_loop().time() + DAEMON_WITHIN_SECS
        while not await self._engine.daemon_answers():
            if asyncio.get_running_loop().time() > deadline:
                raise BuildNetError(f"it does not answer {DAEMON_WITHIN_SECS:.0f} s after its start")
            await asyncio.sleep(_POLL_SECS)

    @property
    def _start_command(self) -> str:
        return self._loaded().config.engine.start_command


def become_anew(ready_fd: int | None) -> NoReturn:
    """Replace this process by a fresh agent with the same pid and arguments. The lock ends with the old one.

    ready_fd: where a starter once waited; None in the foreground.
    """
    if ready_fd is not None:
        # Nobody waits for its first word; in the file of last words it may be of use.
        os.dup2(sys.stderr.fileno(), ready_fd)
    logging.shutdown()
    replace_process([sys.executable, *sys.orig_argv[1:]])
