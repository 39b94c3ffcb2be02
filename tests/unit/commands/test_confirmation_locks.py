"""Guessing codes, or having many made, comes to an end; and no clock that is set back makes a code last longer."""

from __future__ import annotations

import pytest

from buildnet_cli.commands.confirm import CODES_IN_WINDOW, WRONG_IN_WINDOW
from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.model import CommandResult, CommandStatus, Principal
from buildnet_cli.config.remote_control import InboundRateLimit
from buildnet_cli.errors import Kind
from tests.support.clocks import FakeClock
from tests.support.commands import NOW, executor
from tests.support.stores import MemoryStore

PHONE = Principal("Phone", "sms", "+14155550123", ("*",))
OTHER = Principal("Other", "sms", "+14155550124", ("*",))
PLENTY = InboundRateLimit(admin_per_minute=1000)


class Guesser:
    """Somebody who guesses, and who was told of it."""

    def __init__(self) -> None:
        self.clock, self.store, self.journal = FakeClock(NOW), MemoryStore(), list[str]()
        self.locked: list[str] = []
        self.executor = self.begin()

    def begin(self) -> Executor:
        """An executor over the same store, as after a restart."""
        made, _ = executor(self.journal, clock=self.clock, store=self.store, on_locked=self.note, limits=PLENTY)
        return made

    async def note(self, principal: Principal) -> None:
        self.locked.append(str(principal))

    async def say(self, text: str, principal: Principal = PHONE) -> CommandResult:
        return await self.executor.execute(text, principal)

    async def ask(self, principal: Principal = PHONE) -> str:
        return str((await self.say("CACHE CLEAR", principal)).result["code"])

    async def guess_wrong(self, times: int) -> CommandResult:
        for number in range(times):
            if number % 3 == 0:
                self.code = await self.ask()
            result = await self.say(f"YES {(int(self.code) + 1 + number) % 10**6:06d}")
        return result


@pytest.fixture
def guesser() -> Guesser:
    return Guesser()


async def test_ten_wrong_codes_lock_the_sender_for_an_hour(guesser: Guesser) -> None:
    assert (await guesser.guess_wrong(WRONG_IN_WINDOW)).kind is Kind.CONFIRMATION_WRONG
    assert guesser.locked == ["sms:Phone"]
    right = await guesser.say(f"YES {guesser.code}")
    assert (right.status, right.kind, right.retry_after_secs) == (CommandStatus.DENIED, Kind.TOO_MANY, 3600)
    assert (await guesser.say("CACHE CLEAR")).kind is Kind.TOO_MANY
    guesser.clock.advance(3599)
    assert (await guesser.say("CACHE CLEAR")).kind is Kind.TOO_MANY
    guesser.clock.advance(2)
    assert (await guesser.say(f"YES {await guesser.ask()}")).status is CommandStatus.EXECUTED
    assert guesser.locked == ["sms:Phone"]


async def test_nine_do_not(guesser: Guesser) -> None:
    await guesser.guess_wrong(WRONG_IN_WINDOW - 1)
    assert (await guesser.say(f"YES {await guesser.ask()}")).status is CommandStatus.EXECUTED
    assert guesser.locked == []


async def test_nobody_else_is_locked_and_a_restart_unlocks_nobody(guesser: Guesser) -> None:
    await guesser.guess_wrong(WRONG_IN_WINDOW)
    assert (await guesser.say(f"YES {await guesser.ask(OTHER)}", OTHER)).status is CommandStatus.EXECUTED
    guesser.executor = guesser.begin()
    assert (await guesser.say(f"YES {guesser.code}")).kind is Kind.TOO_MANY


async def test_what_needs_no_code_still_runs(guesser: Guesser) -> None:
    await guesser.guess_wrong(WRONG_IN_WINDOW)
    assert (await guesser.say("STATUS")).status is CommandStatus.EXECUTED


async def test_an_asker_gets_five_codes_an_hour(guesser: Guesser) -> None:
    for _ in range(CODES_IN_WINDOW):
        code = await guesser.ask()
    flooded = await guesser.say("CACHE CLEAR")
    assert (flooded.status, flooded.kind) == (CommandStatus.DENIED, Kind.TOO_MANY)
    assert (await guesser.say(f"YES {code}")).status is CommandStatus.EXECUTED
    guesser.clock.advance(3601)
    assert len(await guesser.ask()) == 6


@pytest.mark.parametrize("step", [-7200, 0])
async def test_a_clock_that_is_set_back_makes_no_code_last_longer(step: float, guesser: Guesser) -> None:
    code = await guesser.ask()
    guesser.clock.step(step)
    guesser.clock.advance(301)
    late = await guesser.say(f"YES {code}")
    assert (late.kind, "has expired" in late.message) == (Kind.CONFIRMATION_EXPIRED, True)
    assert "cache cleared" not in guesser.journal


async def test_a_clock_that_is_set_forward_ends_it_earlier(guesser: Guesser) -> None:
    code = await guesser.ask()
    guesser.clock.step(301)
    assert (await guesser.say(f"YES {code}")).kind is Kind.CONFIRMATION_EXPIRED
