"""Codes in a real database: of many who give one at once, one is let through; and a restart forgets none."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from buildnet_cli.commands.confirm import TRIES, Confirmations
from buildnet_cli.errors import ConfirmationError
from buildnet_cli.store.confirmations import StoredConfirmations
from buildnet_cli.store.database import Store
from tests.support.clocks import FakeClock
from tests.support.commands import ADMIN, POLICY

pytestmark = pytest.mark.integration

AT_ONCE = 20


def confirmations(store: Store) -> Confirmations:
    return Confirmations(StoredConfirmations(store), FakeClock(), POLICY)


def contents(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir())


async def test_of_many_who_give_the_right_code_at_once_one_is_let_through(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "notify.db")
    desk = confirmations(store)
    code, _ = await desk.ask("req_1", "CACHE CLEAR", ADMIN)
    ends = await asyncio.gather(*(desk.redeem(code, ADMIN) for _ in range(AT_ONCE)), return_exceptions=True)
    store.close()
    assert [end for end in ends if not isinstance(end, Exception)] == ["CACHE CLEAR"]
    assert all(isinstance(end, ConfirmationError) for end in ends if isinstance(end, Exception))


async def test_of_many_who_guess_at_once_no_more_are_compared_than_there_are_tries(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "notify.db")
    desk = confirmations(store)
    code, _ = await desk.ask("req_1", "CACHE CLEAR", ADMIN)
    guesses = [f"{(int(code) + step) % 10**6:06d}" for step in range(1, AT_ONCE)]
    ends = await asyncio.gather(*(desk.redeem(guess, ADMIN) for guess in guesses), return_exceptions=True)
    compared = [end for end in ends if "does not match" in str(end)]
    with pytest.raises(ConfirmationError):
        await desk.redeem(code, ADMIN)
    store.close()
    assert len(compared) == TRIES


async def test_a_code_outlives_the_agent_and_only_its_hash_is_on_the_disk(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "notify.db")
    code, _ = await confirmations(store).ask("req_1", "CACHE CLEAR", ADMIN)
    store.close()
    assert code.encode() not in contents(tmp_path)
    store = Store.open(tmp_path / "notify.db")
    assert await confirmations(store).redeem(code, ADMIN) == "CACHE CLEAR"
    store.close()


async def test_no_more_than_three_commands_wait_for_one_asker(tmp_path: Path) -> None:
    store = Store.open(tmp_path / "notify.db")
    desk = confirmations(store)
    for number in range(5):
        await desk.ask(f"req_{number}", f"NODE REMOVE n{number}", ADMIN)
    waiting = [pending.command for pending in await desk.waiting(ADMIN)]
    store.close()
    assert waiting == ["NODE REMOVE n4", "NODE REMOVE n3", "NODE REMOVE n2"]
