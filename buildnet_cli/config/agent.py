"""`agent`: the background process itself, its HTTP API and its log."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from buildnet_cli.config.address import BaseUrl, Host
from buildnet_cli.config.fields import ONE_OF, Between, Items, Switch
from buildnet_cli.config.section import Section


class Api(Section):
    """Where the agent listens, beside its Unix socket."""

    host: Host = Field("127.0.0.1", description="Address to listen on. Default: 127.0.0.1, this machine only.")
    port: Annotated[int, Between(0, 65535, "port")] = Field(
        9876, description="Port to listen on; 0 = any free one. Default: 9876."
    )
    public_base_url: BaseUrl = Field(
        "",
        description="Where the world reaches this API, such as https://builds.example.com; providers sign it. Default: nowhere.",
    )
    allowed_hosts: Items[Host] = Field((), description="Further names this API may be called by. Default: none but its own.")
    listen: Switch = Field(True, description="Whether to listen on TCP at all; the Unix socket is always there. Default: true.")


class Log(Section):
    """The agent's own log."""

    level: Annotated[Literal["debug", "info", "warning", "error"], ONE_OF] = Field(
        "info", description="The least that is written. Default: info."
    )
    max_mb: Annotated[int, Between(1, 1000, "megabytes")] = Field(10, description="Size of one file, in megabytes. Default: 10.")
    keep: Annotated[int, Between(1, 100, "files")] = Field(5, description="How many full files are kept. Default: 5.")


class Agent(Section):
    """The background process."""

    api: Api = Field(default_factory=Api, description="The HTTP API.")
    log: Log = Field(default_factory=Log, description="The agent's log.")
