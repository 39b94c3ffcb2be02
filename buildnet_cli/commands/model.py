"""Who asks, what they may, and what they are told."""

from __future__ import annotations

import enum
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from buildnet_cli.clock import Clock, to_rfc3339
from buildnet_cli.commands.audit import Request
from buildnet_cli.config.permission import Level
from buildnet_cli.delivery.model import Address
from buildnet_cli.engine.model import Build
from buildnet_cli.engine.port import Engine
from buildnet_cli.errors import Kind


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, once proved.

    name: as people call them. channel: the way they came: socket, api, sms … identifier: the provider's stable id.
    permissions: `*`, command words such as `status` and `cache.clear`, or `level:build`.
    address, agent: whence an HTTP request came, and by what program; None elsewhere.
    """

    name: str
    channel: str
    identifier: str
    permissions: tuple[str, ...]
    address: str | None = None
    agent: str | None = None

    def __str__(self) -> str:
        return f"{self.channel}:{self.name}"

    @property
    def is_local(self) -> bool:
        """Whether this is the terminal of this machine."""
        return self.channel == "socket"


class CommandStatus(enum.StrEnum):
    """How a command ended, as the specification's result object says it."""

    EXECUTED = "executed"
    ACCEPTED = "accepted"
    CONFIRMATION_REQUIRED = "confirmation_required"
    DENIED = "denied"
    FAILED = "failed"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Reply:
    """What a handler answers.

    message: for people, one or a few lines. result: the same for programs.
    status: accepted if the work goes on after the answer.
    private: what the asker alone gets beside the result; it is stored nowhere.
    then: what is done once the reply is stored. is_open: it is the next start of the agent that ends the command.
    """

    message: str
    result: Mapping[str, Any] = field(default_factory=dict)
    status: CommandStatus = CommandStatus.EXECUTED
    private: Mapping[str, Any] = field(default_factory=dict)
    then: Callable[[], None] | None = None
    is_open: bool = False


@dataclass(frozen=True, slots=True)
class CommandResult:
    """The specification's result object, the same on every channel.

    kind, hint: set if the command failed; they decide exit code and status, and what to do next.
    retry_after_secs: set if it was one too many; how long to wait.
    """

    command: str
    status: CommandStatus
    request_id: str
    timestamp: datetime
    result: Mapping[str, Any]
    message: str
    kind: Kind | None = None
    hint: str = ""
    retry_after_secs: float | None = None

    def as_wire(self) -> dict[str, Any]:
        """`{command, status, request_id, timestamp, result, message}`."""
        return {
            "command": self.command,
            "status": self.status.value,
            "request_id": self.request_id,
            "timestamp": to_rfc3339(self.timestamp),
            "result": dict(self.result),
            "message": self.message,
        }


class BuildHistory(Protocol):
    """Where past builds are read."""

    async def recent(self, *, limit: int) -> list[Build]:
        """The newest builds first."""
        ...


class CommandLog(Protocol):
    """One row per command, and its entry in the audit: written before it takes effect, completed after."""

    async def begin(self, request: Request, principal: str, message_id: str = "") -> bool:
        """Store who asks for what; False, with nothing stored, if a message of this id was acted on before.

        principal: as people call them. message_id: the provider's, of a message from outside; empty for none.
        Raises BuildNetError if it cannot be stored or sealed; the command must then not run.
        """
        ...

    async def finish(
        self, request_id: str, *, command: str, status: str, result: Mapping[str, Any], message: str, finished_at: datetime
    ) -> None:
        """Complete the row. command: as it was understood."""
        ...

    async def leave_open(self, request_id: str, *, command: str, reply_to: Address | None) -> None:
        """Leave the row to the next start of the agent, which completes it as executed and tells whoever asked."""
        ...


class Answers(Protocol):
    """A second answer, once what was asked for is done."""

    async def expect(self, request_id: str, run_id: str, build_id: str, to: Address) -> None:
        """Answer again when a build has ended, or a whole run if build_id is empty."""
        ...


class Settings(Protocol):
    """The configuration, as commands see and change it. Secrets are shown as `***`."""

    def value(self, key: str) -> Any:
        """One value or section, or all of it for an empty key. Raises UsageError or NotFoundError."""
        ...

    async def would_set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        """What `set` would change: `{key, before, after}`. Raises as it does, with nothing written."""
        ...

    async def set(self, key: str, text: str, *, is_remote: bool) -> Mapping[str, Any]:
        """Change a value and work by it: `{key, before, after, version}`.

        Raises DeniedError for a key that is not changed this way, ConfigError if the result is wrong; nothing is changed then.
        """
        ...


class Lifecycle(Protocol):
    """The agent's own end, and with a BuildNet daemon that one's as well."""

    async def prospect(self) -> str:
        """What an end would cut short, in words: `2 builds end with it`; empty for nothing."""
        ...

    def check_restart(self) -> None:
        """Raises UnsupportedError if what would be stopped cannot be started again from here."""
        ...

    def stop(self) -> None:
        """Begin to end: what is under way is drained, what waits is kept."""
        ...

    def restart(self) -> None:
        """The same, and begin anew as the same process."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What a handler may use.

    status: the agent's status, as the API shows it. request_id: of this command.
    reply_to: where whoever asks wants to be told of what comes later; None if they are not to be told.
    """

    principal: Principal
    clock: Clock
    engine: Engine
    builds: BuildHistory
    status: Callable[[], Awaitable[Mapping[str, Any]]]
    answers: Answers
    settings: Settings
    lifecycle: Lifecycle
    request_id: str
    reply_to: Address | None = None


__all__ = [
    "Answers",
    "BuildHistory",
    "CommandLog",
    "CommandResult",
    "CommandStatus",
    "Context",
    "Level",
    "Lifecycle",
    "Principal",
    "Reply",
    "Settings",
]
