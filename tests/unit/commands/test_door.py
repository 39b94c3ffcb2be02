"""The door for messages from outside: known people, once for each message; everybody else is written down and gets no answer."""

from __future__ import annotations

import pytest

from buildnet_cli.commands.audit import Request
from buildnet_cli.commands.authenticate import People
from buildnet_cli.commands.door import Door
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.commands.model import CommandStatus, Principal
from buildnet_cli.delivery.model import Address
from tests.support.clocks import FakeClock
from tests.support.commands import NOW, executor

DANA = Principal("Dana", "sms", "+14155550123", ("*",))


class Written:
    """Who was turned away, and why."""

    def __init__(self) -> None:
        self.rows: list[tuple[Request, str]] = []

    async def reject(self, request: Request, reason: str) -> None:
        self.rows.append((request, reason))


def text(words: str, *, by: str = DANA.identifier, id_: str = "SM1") -> Inbound:
    return Inbound("sms", by, words, id_, Address("sms", by))


@pytest.fixture
def journal() -> list[str]:
    return []


def a_door(journal: list[str]) -> tuple[Door, Written]:
    execute, _ = executor(journal)
    written = Written()
    people = People({("sms", DANA.identifier): DANA})
    return Door(execute, written, FakeClock(NOW), lambda: people), written


async def test_a_known_person_is_served_once_for_each_message(journal: list[str]) -> None:
    door, written = a_door(journal)
    result = await door.take(text("build api"))
    assert result is not None
    assert result.status is CommandStatus.ACCEPTED
    assert await door.take(text("build api")) is None
    assert journal == ["begin", "enqueue api for sms:Dana", "finish"]
    assert written.rows == []


async def test_a_stranger_gets_nothing_but_an_entry(journal: list[str]) -> None:
    door, written = a_door(journal)
    assert await door.take(text("STOP everything", by="+14155550999")) is None
    assert journal == []
    ((request, reason),) = written.rows
    assert (request.identifier, request.is_authenticated, request.command, reason) == (
        "+14155550999",
        False,
        "STOP everything",
        "a stranger",
    )
