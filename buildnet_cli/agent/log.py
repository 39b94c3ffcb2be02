"""Where the agent writes what it does, by its configuration."""

from __future__ import annotations

import logging
import sys

from buildnet_cli import logs
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.problems import as_text as problems_as_text
from buildnet_cli.paths import Workspace

_log = logging.getLogger(__name__)


def start_log(workspace: Workspace, loaded: Loaded, verbosity: int, *, to_file: bool) -> None:
    """Begin to log: into the state folder, or on stderr in the foreground."""
    log = loaded.config.agent.log
    level = "debug" if verbosity or loaded.config.notifications.debug else log.level
    if to_file:
        logs.to_file(workspace.logs / "agent.log", level=level, max_mb=log.max_mb, keep=log.keep)
    else:
        logs.to_stream(sys.stderr, level=level)
    if loaded.problems:
        _log.warning("the configuration has remarks:\n%s", problems_as_text(loaded.problems))
