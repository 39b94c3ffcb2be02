"""Runs a command: parse, authorise, write the row, act, complete the row. The same for every channel."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from buildnet_cli.clock import Clock, to_rfc3339
from buildnet_cli.commands import grammar
from buildnet_cli.commands.authorise import may_run
from buildnet_cli.commands.model import BuildHistory, CommandLog, CommandResult, CommandStatus, Context, Principal, Reply
from buildnet_cli.commands.registry import ALIASES, NOT_YET, Command, commands
from buildnet_cli.engine.port import Engine
from buildnet_cli.errors import BuildNetError, DeniedError, Kind, StorageError, UnsupportedError, UsageError
from buildnet_cli.ids import new_id
from buildnet_cli.redact import scrub, scrub_json

_log = logging.getLogger(__name__)


class Executor:
    """Executes commands at most once each; every attempt, refused ones too, leaves one row."""

    def __init__(
        self,
        *,
        log: CommandLog,
        clock: Clock,
        engine: Engine,
        builds: BuildHistory,
        status: Callable[[], Awaitable[Mapping[str, Any]]],
    ) -> None:
        self._log = log
        self._clock = clock
        self._engine = engine
        self._builds = builds
        self._status = status
        self._commands = commands()

    async def execute(self, text: str, principal: Principal) -> CommandResult:
        """Run what somebody asked for and say how it ended. Raises StorageError, with nothing run, if it gets no row."""
        request_id = new_id("req")
        asked_at = self._clock.now()
        name = scrub(text.strip()[: grammar.LONGEST])
        await self._log.begin(
            {
                "request_id": request_id,
                "command": name,
                "channel": principal.channel,
                "principal": principal.name,
                "timestamp": to_rfc3339(asked_at),
            }
        )
        kind, hint = None, ""
        try:
            name, reply = await self._run(text, principal)
        except BuildNetError as exc:
            kind, hint = exc.kind, exc.hint
            reply = Reply(exc.message, status=_STATUS_OF.get(exc.kind, CommandStatus.FAILED))
        except Exception:  # noqa: BLE001  (whatever a handler does, its row is completed and the asker answered)
            _log.exception("a command failed unexpectedly", extra={"request_id": request_id})
            kind = Kind.FAILED
            reply = Reply("the command failed unexpectedly; the agent's log has the cause", status=CommandStatus.FAILED)
        # An answer repeats what was asked, and that may be anything.
        reply = Reply(scrub(reply.message), {key: scrub_json(value) for key, value in reply.result.items()}, reply.status)
        try:
            await self._log.finish(
                request_id, status=reply.status.value, result=reply.result, message=reply.message, finished_at=self._clock.now()
            )
        except StorageError as exc:
            # It has run, so the asker is told what came of it; the row stays as executing, and the next start closes it.
            _log.error("the end of a command could not be recorded: %s", exc.message, extra={"request_id": request_id})
        return CommandResult(scrub(name), reply.status, request_id, asked_at, reply.result, reply.message, kind, scrub(hint))

    async def _run(self, text: str, principal: Principal) -> tuple[str, Reply]:
        parsed = grammar.parse(text, [*self._commands, *NOT_YET], ALIASES)
        known = self._commands.get(parsed.name)
        if known is None:
            raise UnsupportedError(f"{parsed.name} is not supported yet", hint="send HELP for what is")
        if not may_run(principal, known):
            raise DeniedError(
                f"{known.name} needs the level {known.level}, which {principal.name} does not have",
                hint=f"ask an administrator for the permission {known.permission!r}",
            )
        _check_count(known, parsed.words)
        context = Context(principal, self._clock, self._engine, self._builds, self._status)
        return parsed.text, await known.handler(context, parsed.words)


_STATUS_OF = {Kind.DENIED: CommandStatus.DENIED, Kind.UNSUPPORTED: CommandStatus.UNSUPPORTED}


def _check_count(known: Command, words: tuple[str, ...]) -> None:
    if len(words) < known.fewest:
        raise UsageError(f"{known.name} needs more than that", hint=f"write it as {known.signature}")
    if len(words) > known.most:
        raise UsageError(f"{known.name} takes no {ascii(words[known.most])[:80]}", hint=f"write it as {known.signature}")
