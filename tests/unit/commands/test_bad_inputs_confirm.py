"""The sequences of tests/data/bad_inputs.yaml on the surface `confirm`: what asks back runs for its code, once, or never."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from buildnet_cli.api.problems import STATUS_OF
from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.model import CommandResult, CommandStatus, Principal
from buildnet_cli.config.remote_control import InboundRateLimit
from buildnet_cli.store.confirmations import StoredConfirmations
from tests.support.bad_inputs import Case, cases
from tests.support.clocks import FakeClock
from tests.support.commands import NOW, executor
from tests.support.stores import MemoryStore

ASKER = Principal("somebody", "sms", "id", ("*",))
CASES = cases(surface="confirm")
EFFECTS = ("stop", "cache cleared")


class Sequence:
    """Plays the steps of a case, and keeps what came of them."""

    def __init__(self) -> None:
        self.clock, self.store, self.journal = FakeClock(NOW), MemoryStore(), list[str]()
        self.confirmations = StoredConfirmations(cast(Any, self.store))
        self.codes: dict[str, str] = {}
        self.results: list[CommandResult] = []
        self.executor = self.begin()

    def begin(self) -> Executor:
        limits = InboundRateLimit(admin_per_minute=1000)
        return executor(self.journal, clock=self.clock, store=self.store, limits=limits)[0]

    @property
    def executed(self) -> int:
        return sum(self.journal.count(effect) for effect in EFFECTS)

    async def play(self, step: dict[str, Any]) -> None:
        asker = replace(ASKER, channel=step.get("via", ASKER.channel))
        match step:
            case {"request": text}:
                for _ in range(step.get("times", 1)):
                    self.results.append(await self.executor.execute(text, asker))
                    if self.results[-1].status is CommandStatus.CONFIRMATION_REQUIRED:
                        self.codes[text] = self.results[-1].result["code"]
                        self.request_id = self.results[-1].request_id
            case {"parallel_confirm": count}:
                code = self.codes["STOP"]
                await asyncio.gather(*(self.executor.execute(f"YES {code}", asker) for _ in range(count)))
            case {"clock_jump": seconds}:
                self.clock.step(seconds)
            case {"kill9": True}:
                self.executor = self.begin()
            case {"confirm_format": _}:
                code = self.codes["STOP"]
                self.results.append(await self.executor.execute(f"YES {code[:3]}-{code[3:]}", asker))
            case {"confirm": "code of STOP", "for": command}:
                self.results.append(await self.executor.execute(command, asker, code=self.codes["STOP"]))
            case {"confirm": what}:
                if what == "right after 301 real seconds":
                    self.clock.advance(301)
                self.results.append(await self.executor.confirm(self.request_id, self._code(what), asker))
            case _:
                raise AssertionError(f"no step is called {step}")

    def _code(self, what: str) -> str:
        right = self.codes["STOP"]
        if what.startswith("right"):
            return right
        return f"{(int(right) + 1) % 10**6:06d}" if what == "wrong" else what


@pytest.mark.parametrize("case", CASES, ids=[case.id for case in CASES])
async def test_a_sequence_executes_what_it_should(case: Case) -> None:
    sequence = Sequence()
    for step in case.input["steps"]:
        await sequence.play(step)
    if "executed" in case.expect:
        assert sequence.executed == case.expect["executed"]
    assert sequence.executed <= case.expect.get("executed_max", 1)
    if case.statuses:
        kind = sequence.results[-1].kind
        assert kind is not None
        assert STATUS_OF[kind] in case.statuses
    if case.expect.get("counts_as_attempt"):
        for what in ("wrong", "wrong", "right"):
            await sequence.play({"confirm": what})
        assert sequence.executed == 0
    if "pending_max" in case.expect:
        waiting = await sequence.confirmations.open_ones(ASKER.channel, ASKER.identifier, sequence.clock.now())
        assert 1 <= len(waiting) <= case.expect["pending_max"]


def test_there_are_such_cases() -> None:
    assert len(CASES) == 14
