"""Runs a command: write the row, parse, authorise, confirm, act, complete the row. The same for every channel."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from buildnet_cli.clock import Clock, to_rfc3339
from buildnet_cli.commands import grammar
from buildnet_cli.commands.audit import Request
from buildnet_cli.commands.authorise import may_run
from buildnet_cli.commands.confirm import Confirmations
from buildnet_cli.commands.model import (
    Answers,
    BuildHistory,
    CommandLog,
    CommandResult,
    CommandStatus,
    Context,
    Lifecycle,
    Principal,
    Reply,
    Settings,
)
from buildnet_cli.commands.rates import CommandRates
from buildnet_cli.commands.registry import ALIASES, Command, commands
from buildnet_cli.delivery.model import Address
from buildnet_cli.engine.port import Engine
from buildnet_cli.errors import (
    BuildNetError,
    ConfirmationError,
    DeniedError,
    Kind,
    StorageError,
    TooManyError,
    UsageError,
)
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
        confirmations: Confirmations,
        engine: Engine,
        builds: BuildHistory,
        answers: Answers,
        status: Callable[[], Awaitable[Mapping[str, Any]]],
        settings: Settings,
        lifecycle: Lifecycle,
        rates: CommandRates,
    ) -> None:
        self._log = log
        self._clock = clock
        self._confirmations = confirmations
        self._engine = engine
        self._builds = builds
        self._answers = answers
        self._status = status
        self._settings = settings
        self._lifecycle = lifecycle
        self._rates = rates
        self._commands = commands()

    async def execute(self, text: str, principal: Principal, *, code: str | None = None) -> CommandResult:
        """Run what somebody asked for, or answered, and say how it ended.

        code: confirms the command, if it came along with it. Raises BuildNetError, with nothing run, if it gets no row.
        """
        result = await self.execute_message(text, principal, "", code=code)
        assert result is not None, "only a message can come again"
        return result

    async def execute_message(
        self, text: str, principal: Principal, message_id: str, *, code: str | None = None, reply_to: Address | None = None
    ) -> CommandResult | None:
        """The same for a message from outside; None, with nothing run, if one of this id was acted on before.

        message_id: the provider's; empty if it gave none. reply_to: where to tell of what comes after the answer.
        """
        answer = grammar.read_answer(text)
        if answer is None:
            name = scrub(self._as_recorded(text)[: grammar.LONGEST])
            return await self._recorded(name, _Asker(principal, reply_to), lambda asker: self._run(text, asker, code), message_id)
        # The code itself is in no row.
        return await self._recorded(
            answer.word, _Asker(principal, reply_to), lambda asker: self._answer(answer, asker), message_id
        )

    async def confirm(self, request_id: str, code: str, principal: Principal) -> CommandResult:
        """Run what the request of this id asked for, if the code is its own. Raises as `execute` does."""
        result = await self._recorded("CONFIRM", _Asker(principal), lambda asker: self._confirmed(code, asker, request_id))
        assert result is not None, "only a message can come again"
        return result

    async def _recorded(
        self, name: str, asker: _Asker, act: Callable[[_Asker], Awaitable[tuple[str, Reply]]], message_id: str = ""
    ) -> CommandResult | None:
        """The frame around every attempt: its row, and an answer whatever happens."""
        principal, request_id, asked_at = asker.principal, asker.request_id, self._clock.now()
        request = Request(
            request_id,
            to_rfc3339(asked_at),
            name,
            principal.channel,
            principal.identifier,
            address=principal.address,
            agent=principal.agent,
        )
        if not await self._log.begin(request, principal.name, message_id):
            return None
        kind, hint, retry_after_secs = None, "", None
        try:
            name, reply = await act(asker)
        except BuildNetError as exc:
            kind, hint = exc.kind, exc.hint
            retry_after_secs = exc.retry_after_secs if isinstance(exc, TooManyError) else None
            reply = Reply(exc.message, status=_STATUS_OF.get(exc.kind, CommandStatus.FAILED))
        except Exception:  # noqa: BLE001  (whatever a handler does, its row is completed and the asker answered)
            _log.exception("a command failed unexpectedly", extra={"request_id": request_id})
            kind = Kind.FAILED
            reply = Reply("the command failed unexpectedly; the agent's log has the cause", status=CommandStatus.FAILED)
        # An answer repeats what was asked, and that may be anything.
        name, message = scrub(name), scrub(reply.message)
        result = {key: scrub_json(value) for key, value in reply.result.items()}
        await self._record_end(asker, name, reply, result, message)
        if reply.then is not None:
            reply.then()
        told = {**reply.private, **result}
        return CommandResult(name, reply.status, request_id, asked_at, told, message, kind, scrub(hint), retry_after_secs)

    async def _record_end(self, asker: _Asker, name: str, reply: Reply, result: Mapping[str, Any], message: str) -> None:
        """Complete the row, or leave it to the next start of the agent."""
        try:
            if reply.is_open:
                await self._log.leave_open(asker.request_id, command=name, reply_to=asker.reply_to)
                return
            await self._log.finish(
                asker.request_id,
                command=name,
                status=reply.status.value,
                result=result,
                message=message,
                finished_at=self._clock.now(),
            )
        except StorageError as exc:
            # It has run, so the asker is told what came of it; the row stays as executing, and the next start closes it.
            _log.error("the end of a command could not be recorded: %s", exc.message, extra={"request_id": asker.request_id})

    async def _run(self, text: str, asker: _Asker, code: str | None) -> tuple[str, Reply]:
        """Run a command, or ask back before it."""
        parsed, known, context = self._prepare(text, asker)
        written = known.recorded(parsed.words)
        if code is None:
            self._rates.take(asker.principal, known.level, self._clock.monotonic())
        if self._confirmations.is_needed(known.name, asker.principal.channel):
            if code is None:
                return written, await self._ask(parsed, known, context)
            await self._confirmations.redeem(code, asker.principal, command=parsed.text)
        elif code is not None:
            raise ConfirmationError(f"{known.name} asks for no code; nothing has run", hint="send it without a code")
        return written, await known.handler(context, parsed.words)

    async def _answer(self, answer: grammar.Answer, asker: _Asker) -> tuple[str, Reply]:
        """Do what was said to a command that asked back."""
        if answer.word == "NO":
            cancelled = await self._confirmations.cancel(asker.principal)
            return answer.word, Reply(f"{' and '.join(cancelled)} cancelled; nothing has run", {"cancelled": cancelled})
        if answer.code:
            return await self._confirmed(answer.code, asker)
        waiting = await self._confirmations.waiting(asker.principal)
        raise UsageError(
            f"{answer.word} alone confirms nothing: {waiting[0].command} waits for its code",
            hint=f"send YES and the {self._confirmations.policy.digits} digits you were given, or NO",
        )

    async def _confirmed(self, code: str, asker: _Asker, request_id: str | None = None) -> tuple[str, Reply]:
        text = await self._confirmations.redeem(code, asker.principal, request_id=request_id)
        # What somebody may do is asked again: it may have changed since.
        parsed, known, context = self._prepare(text, asker)
        return known.recorded(parsed.words), await known.handler(context, parsed.words)

    async def _ask(self, parsed: grammar.Parsed, known: Command, context: Context) -> Reply:
        """Say what a command would do, and ask for its code."""
        preview = await known.preview(context, parsed.words) if known.preview is not None else Reply("run")
        code, expires_at = await self._confirmations.ask(context.request_id, parsed.text, context.principal)
        return Reply(
            f"{known.recorded(parsed.words)} would {preview.message}. Nothing has run yet.",
            {"expires_at": to_rfc3339(expires_at), "preview": {"summary": preview.message, **preview.result}},
            CommandStatus.CONFIRMATION_REQUIRED,
            private={"code": code},
        )

    def _as_recorded(self, text: str) -> str:
        """What somebody asked for, as it may be written down before it is understood: without what may be a secret."""
        try:
            parsed = grammar.parse(text, self._commands, ALIASES)
        except UsageError:
            return text.strip()
        known = self._commands[parsed.name]
        return known.recorded(parsed.words) if known.is_masked else text.strip()

    def _prepare(self, text: str, asker: _Asker) -> tuple[grammar.Parsed, Command, Context]:
        """Which command a text means and what it may use. Raises unless it exists and whoever asks may run it."""
        principal = asker.principal
        parsed = grammar.parse(text, self._commands, ALIASES)
        known = self._commands[parsed.name]
        if not may_run(principal, known):
            raise DeniedError(
                f"{known.name} needs the level {known.level}, which {principal.name} does not have",
                hint=f"ask an administrator for the permission {known.permission!r}",
            )
        _check_count(known, parsed.words)
        context = Context(
            principal,
            self._clock,
            self._engine,
            self._builds,
            self._status,
            self._answers,
            self._settings,
            self._lifecycle,
            asker.request_id,
            asker.reply_to,
        )
        return parsed, known, context


@dataclass(frozen=True, slots=True)
class _Asker:
    """Who asks in one request, and where they are told of what comes after the answer."""

    principal: Principal
    reply_to: Address | None = None
    request_id: str = field(default_factory=lambda: new_id("req"))


_STATUS_OF = {
    Kind.DENIED: CommandStatus.DENIED,
    Kind.TOO_MANY: CommandStatus.DENIED,
    Kind.UNSUPPORTED: CommandStatus.UNSUPPORTED,
}


def _check_count(known: Command, words: tuple[str, ...]) -> None:
    if len(words) < known.fewest:
        raise UsageError(f"{known.name} needs its {known.usage}", hint=f"write it as {known.signature}")
    if len(words) > known.most:
        raise UsageError(f"{known.name} takes no argument {ascii(words[known.most])[:80]}", hint=f"write it as {known.signature}")
