"""What every command is handed: the global options, and the things that are made only if a command wants them."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from buildnet_cli.cli.output import Output
from buildnet_cli.paths import Workspace, find_workspace

if TYPE_CHECKING:
    from buildnet_cli.api.client import AgentClient
    from buildnet_cli.config.loader import Loaded
    from buildnet_cli.secrets.vault import Vault


@dataclass(frozen=True)
class GlobalOptions:
    """Options that stand before or after the subcommand."""

    config: Path | None = None
    project: Path | None = None
    as_json: bool = False
    is_quiet: bool = False
    verbosity: int = 0
    color: str = "auto"
    may_ask: bool = True


class AppContext:
    """One run of the program."""

    def __init__(self, options: GlobalOptions) -> None:
        self.options = options
        self.output = Output(as_json=options.as_json, is_quiet=options.is_quiet, color=options.color)

    @functools.cached_property
    def workspace(self) -> Workspace:
        return find_workspace(project=self.options.project, config=self.options.config)

    @functools.cached_property
    def agent(self) -> AgentClient:
        from buildnet_cli.api.client import AgentClient

        return AgentClient(self.workspace.socket_link)

    @functools.cached_property
    def vault(self) -> Vault:
        from buildnet_cli.secrets.vault import open_vault

        return open_vault()

    @property
    def config_file(self) -> Path:
        """The workspace's configuration file, as short as it can be called from here."""
        from buildnet_cli.paths import from_here

        return from_here(self.workspace.config)

    def load_config(self) -> Loaded:
        """The workspace's configuration. Raises ConfigError with every problem in it."""
        from buildnet_cli.config.loader import load

        return load(self.config_file, self.lookup)

    @property
    def lookup(self) -> Callable[[str], str | None]:
        """Where `${NAME}` is looked up after the environment; the vault is opened only if a name is asked for."""
        return lambda name: self.vault.get(name)
