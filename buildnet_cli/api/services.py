"""What the routes may call. The agent fills it in; a test may fill in something else."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from buildnet_cli.api.auth import ApiKey
from buildnet_cli.api.feed import Feed
from buildnet_cli.api.tickets import Tickets
from buildnet_cli.clock import Clock
from buildnet_cli.commands.door import Door
from buildnet_cli.commands.executor import Executor
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.ingest import Ingest
from buildnet_cli.delivery.redrive import Redrive
from buildnet_cli.store.database import Store
from buildnet_cli.store.mutes import StoredMutes


class StatusPage(Protocol):
    """The status in both its forms."""

    @property
    def body(self) -> bytes:
        """JSON for programs."""
        ...

    @property
    def text(self) -> str:
        """Lines for a terminal."""
        ...


@dataclass(frozen=True)
class Access:
    """Who may come in over TCP; replaced as a whole at a reload.

    hosts: names that a request may call us by. is_remote_control_on: whether commands are served over TCP at all.
    """

    keys: Sequence[ApiKey]
    hosts: frozenset[str]
    is_remote_control_on: bool


@dataclass(frozen=True)
class Services:
    """The agent, as the routes see it.

    store: read by the routes, written only through the others.
    status: the agent's status, ready to go out. test: sends a test message; rows, one per recipient.
    config: the present configuration. door: for messages from outside. sms: the account whose text messages are commands;
    None while there is none.
    feed: live events. tickets: for listeners that can send no header.
    reload: reads the configuration again. stop: asks the agent to end; what it says before it does.
    """

    uid: int
    access: Callable[[], Access]
    ingest: Ingest
    redrive: Redrive
    executor: Executor
    store: Store
    mutes: StoredMutes
    clock: Clock
    config: Callable[[], Config]
    door: Door
    sms: Callable[[], Sms | None]
    feed: Feed
    tickets: Tickets
    status: Callable[[], Awaitable[StatusPage]]
    test: Callable[[Mapping[str, Any]], Awaitable[list[dict[str, Any]]]]
    reload: Callable[[], Awaitable[dict[str, Any]]]
    stop: Callable[[], Awaitable[dict[str, Any]]]
