"""Strong commands ask back, and run for the right code alone: once, in time, for whoever asked, on the channel they asked on."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta

import pytest

from buildnet_cli.commands import grammar
from buildnet_cli.commands.confirm import Policy
from buildnet_cli.commands.executor import Executor
from buildnet_cli.commands.model import CommandResult, CommandStatus, Principal
from buildnet_cli.config.remote_control import RemoteControl
from buildnet_cli.errors import Kind
from tests.support.clocks import FakeClock
from tests.support.commands import ADMIN, NOW, POLICY, Rows, executor
from tests.support.stores import MemoryStore

ELSE = "000000"


class Desk:
    """An administrator, the journal of what happened, and where confirmations are kept."""

    def __init__(self, policy: Policy = POLICY) -> None:
        self.journal: list[str] = []
        self.clock = FakeClock(NOW)
        self.store = MemoryStore()
        made: tuple[Executor, Rows] = executor(self.journal, policy=policy, clock=self.clock, store=self.store)
        self.executor, self.log = made

    async def say(self, text: str, principal: Principal = ADMIN, *, code: str | None = None) -> CommandResult:
        return await self.executor.execute(text, principal, code=code)

    async def ask(self, principal: Principal = ADMIN) -> str:
        result = await self.say("cache clear", principal)
        assert result.status is CommandStatus.CONFIRMATION_REQUIRED
        return str(result.result["code"])

    @property
    def cleared(self) -> int:
        return self.journal.count("cache cleared")


@pytest.fixture
def desk() -> Desk:
    return Desk()


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


async def test_it_says_what_would_be_removed_and_runs_nothing(desk: Desk) -> None:
    result = await desk.say("cache clear", ADMIN)
    assert result.as_wire() == {
        "command": "CACHE CLEAR",
        "status": "confirmation_required",
        "request_id": result.request_id,
        "timestamp": "2024-01-26T12:00:00.000Z",
        "result": {
            "code": result.result["code"],
            "expires_at": "2024-01-26T12:05:00.000Z",
            "preview": {"summary": "remove 1,204 artifacts (4.2 MB)", "artifacts": 1204, "size_bytes": 4_404_019},
        },
        "message": "CACHE CLEAR would remove 1,204 artifacts (4.2 MB). Nothing has run yet.",
    }
    assert len(result.result["code"]) == 6
    assert result.kind is None
    assert desk.cleared == 0


@pytest.mark.parametrize("answer", ["YES {}", "yes {}", "CONFIRM {}", "{}", "/yes {}", "[BUILDNET] {}"])
async def test_the_code_lets_it_run_in_whatever_words(answer: str, desk: Desk) -> None:
    code = await desk.ask()
    result = await desk.say(answer.format(code))
    assert (result.command, result.status, result.message) == (
        "CACHE CLEAR",
        CommandStatus.EXECUTED,
        "Cache cleared: 1,204 artifacts removed, 4.2 MB freed",
    )
    assert desk.cleared == 1
    assert desk.log.rows[result.request_id]["command"] == "CACHE CLEAR"


async def test_the_code_may_come_along_with_the_command_and_may_be_grouped(desk: Desk) -> None:
    code = await desk.ask()
    assert (await desk.say("Cache Clear", code=f"{code[:3]} {code[3:]}")).status is CommandStatus.EXECUTED
    assert desk.cleared == 1


async def test_the_code_may_name_the_request_it_is_for(desk: Desk) -> None:
    asked = await desk.say("CACHE CLEAR")
    other = await desk.executor.confirm("req_other", asked.result["code"], ADMIN)
    assert (other.kind, desk.cleared) == (Kind.CONFIRMATION_WRONG, 0)
    assert (await desk.executor.confirm(asked.request_id, asked.result["code"], ADMIN)).status is CommandStatus.EXECUTED


async def test_a_code_is_good_once(desk: Desk) -> None:
    code = await desk.ask()
    await desk.say(f"YES {code}")
    again = await desk.say(f"YES {code}")
    assert (again.kind, again.message) == (
        Kind.CONFIRMATION_WRONG,
        "the code for CACHE CLEAR has been used; nothing has run again",
    )
    assert desk.cleared == 1


async def test_of_many_who_give_the_code_at_once_one_runs(desk: Desk) -> None:
    code = await desk.ask()
    results = await asyncio.gather(*(desk.say("CACHE CLEAR", code=code) for _ in range(3)))
    assert sorted(result.status.value for result in results) == ["executed", "failed", "failed"]
    assert {result.message for result in results if result.kind} == {
        "the code for CACHE CLEAR has been used; nothing has run again"
    }
    assert desk.cleared == 1


async def test_three_wrong_codes_cancel_the_command_even_for_the_right_one(desk: Desk) -> None:
    code = await desk.ask()
    said = [(await desk.say(f"YES {wrong(code)}")).message for _ in range(3)]
    assert said == [
        "the code does not match: CACHE CLEAR has not run; 2 tries left",
        "the code does not match: CACHE CLEAR has not run; 1 try left",
        "the code does not match, for the 3rd time: CACHE CLEAR is cancelled and has not run",
    ]
    late = await desk.say("CACHE CLEAR", code=code)
    assert (late.kind, late.hint) == (Kind.CONFIRMATION_WRONG, "send CACHE CLEAR again for a new code")
    assert desk.cleared == 0


async def test_more_guesses_at_once_than_there_are_tries_do_not_find_more(desk: Desk) -> None:
    code = await desk.ask()
    codes = (*[wrong(code)] * 3, code, code)
    guesses = await asyncio.gather(*(desk.say(f"YES {each}") for each in codes))
    assert {guess.kind for guess in guesses} == {Kind.CONFIRMATION_WRONG}
    assert desk.cleared == 0


async def test_a_code_expires(desk: Desk) -> None:
    code = await desk.ask()
    desk.clock.advance(300)
    late = await desk.say("CACHE CLEAR", code=code)
    assert (late.kind, late.message) == (
        Kind.CONFIRMATION_EXPIRED,
        "the code for CACHE CLEAR has expired; nothing has run",
    )
    assert desk.cleared == 0


async def test_a_new_code_replaces_the_one_before(desk: Desk) -> None:
    first = await desk.say("CACHE CLEAR")
    second = await desk.ask()
    assert (await desk.executor.confirm(first.request_id, first.result["code"], ADMIN)).kind is Kind.CONFIRMATION_WRONG
    assert (await desk.say("CACHE CLEAR", code=second)).status is CommandStatus.EXECUTED


@pytest.mark.parametrize(
    "other",
    [replace(ADMIN, channel="sms"), replace(ADMIN, identifier="uid 1")],
    ids=["another channel", "somebody else"],
)
async def test_the_code_is_worth_nothing_to_others_and_their_guesses_cost_the_asker_nothing(other: Principal, desk: Desk) -> None:
    code = await desk.ask()
    for _ in range(3):
        assert (await desk.say("CACHE CLEAR", other, code=code)).kind is Kind.CONFIRMATION_WRONG
    assert (await desk.say("NO", other)).kind is Kind.CONFIRMATION_WRONG
    assert desk.cleared == 0
    assert (await desk.say("CACHE CLEAR", code=code)).status is CommandStatus.EXECUTED


async def test_no_cancels_what_waits(desk: Desk) -> None:
    code = await desk.ask()
    result = await desk.say("no")
    assert (result.status, result.message) == (CommandStatus.EXECUTED, "CACHE CLEAR cancelled; nothing has run")
    after = await desk.say(f"YES {code}")
    assert "is void, because the command was cancelled" in after.message
    assert desk.cleared == 0


@pytest.mark.parametrize("answer", ["YES", "confirm"])
async def test_a_bare_yes_is_told_what_to_send(answer: str, desk: Desk) -> None:
    await desk.ask()
    result = await desk.say(answer)
    assert result.kind is Kind.USAGE
    assert "CACHE CLEAR waits for its code" in result.message
    assert result.hint == "send YES and the 6 digits you were given, or NO"


@pytest.mark.parametrize("code", ["abc", "12345", "12345678901", "", "٣٣٣٣٣٣", "48392O"])
async def test_what_is_no_code_costs_a_try_as_a_wrong_one_does(code: str, desk: Desk) -> None:
    right = await desk.ask()
    for _ in range(2):
        assert (await desk.say("CACHE CLEAR", code=code)).kind is Kind.USAGE
    assert (await desk.say("CACHE CLEAR", code=code)).kind is Kind.USAGE
    assert (await desk.say("CACHE CLEAR", code=right)).kind is Kind.CONFIRMATION_WRONG
    assert desk.cleared == 0


async def test_nothing_runs_if_nothing_was_asked_or_nothing_needs_a_code(desk: Desk) -> None:
    assert (await desk.say("CACHE CLEAR", code="483920")).kind is Kind.CONFIRMATION_WRONG
    assert (await desk.say("BUILD api", code="483920")).kind is Kind.CONFIRMATION_WRONG
    assert not [entry for entry in desk.journal if entry not in ("begin", "finish")]


async def test_who_may_not_run_it_is_not_even_asked(desk: Desk) -> None:
    result = await desk.say("CACHE CLEAR", replace(ADMIN, permissions=("level:build",)))
    assert (result.status, dict(result.result)) == (CommandStatus.DENIED, {})


async def test_who_lost_the_permission_meanwhile_cannot_confirm(desk: Desk) -> None:
    code = await desk.ask()
    assert (await desk.say(f"YES {code}", replace(ADMIN, permissions=("level:read",)))).status is CommandStatus.DENIED
    assert desk.cleared == 0


async def test_no_row_holds_a_code(desk: Desk) -> None:
    code = await desk.ask()
    await desk.say(f"YES {wrong(code)}")
    await desk.say(f"YES {code}")
    kept = json.dumps(desk.log.rows) + "".join(map(str, desk.store.db.query("SELECT * FROM confirmations")))
    assert code not in kept
    assert wrong(code) not in kept


async def test_a_code_has_the_configured_digits_and_may_begin_with_zeros() -> None:
    desk = Desk(replace(POLICY, digits=10))
    assert {len(await desk.ask()) for _ in range(3)} == {10}


async def test_a_command_that_needs_no_confirmation_runs_at_once() -> None:
    desk = Desk(replace(POLICY, commands=frozenset()))
    assert (await desk.say("CACHE CLEAR")).status is CommandStatus.EXECUTED


async def test_whatever_is_configured_to_ask_back_does() -> None:
    desk = Desk(replace(POLICY, commands=frozenset({"BUILD"})))
    result = await desk.say("BUILD api")
    assert result.message == "BUILD api would run. Nothing has run yet."
    assert (await desk.say("BUILD web", code=result.result["code"])).kind is Kind.CONFIRMATION_WRONG
    assert (await desk.say("BUILD api", code=result.result["code"])).status is CommandStatus.ACCEPTED


async def test_codes_that_are_to_go_elsewhere_are_not_shown_to_the_asker() -> None:
    desk = Desk(replace(POLICY, is_elsewhere=True))
    result = await desk.say("CACHE CLEAR")
    assert (result.status, dict(result.result)) == (CommandStatus.UNSUPPORTED, {})


def test_the_policy_comes_from_the_configuration() -> None:
    assert Policy.from_config(RemoteControl()) == POLICY
    config = RemoteControl.model_validate(
        {
            "authentication": {"sms": {"require_confirmation": False}},
            "confirmation": {"require_confirmation": ["BUILD"], "timeout_secs": 60, "code_length": 8},
        }
    )
    assert Policy.from_config(config) == Policy(frozenset({"BUILD"}), timedelta(minutes=1), 8, frozenset({"sms"}))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("YES", grammar.Answer("YES", "")),
        ("yes 483 920", grammar.Answer("YES", "483920")),
        ("Confirm 483-920", grammar.Answer("CONFIRM", "483920")),
        ("483920", grammar.Answer("YES", "483920")),
        ("NO", grammar.Answer("NO", "")),
        ("no thanks", None),
        ("48392", None),
        ("YESTERDAY", None),
        ("BUILD 483920", None),
        ("", None),
    ],
)
def test_an_answer_is_told_from_a_command(text: str, answer: grammar.Answer | None) -> None:
    assert grammar.read_answer(text) == answer
