"""Tickets: good once, for half a minute, for whoever asked."""

from __future__ import annotations

import pytest

from buildnet_cli.api import tickets as module
from buildnet_cli.api.tickets import LIFETIME, Tickets
from buildnet_cli.commands.model import Principal
from buildnet_cli.errors import ConflictError
from tests.support.clocks import FakeClock

DANA = Principal("Dana", "api", "Dana", ("level:read",))


def test_a_ticket_is_good_once() -> None:
    tickets = Tickets(FakeClock())
    text, _ = tickets.issue(DANA)
    assert tickets.redeem(text) == DANA
    assert tickets.redeem(text) is None


@pytest.mark.parametrize("guess", ["", "x", "\udc80", "a" * 10_000])
def test_a_guess_is_good_for_nothing(guess: str) -> None:
    tickets = Tickets(FakeClock())
    tickets.issue(DANA)
    assert tickets.redeem(guess) is None


def test_a_ticket_expires() -> None:
    clock = FakeClock()
    tickets = Tickets(clock)
    text, expires_at = tickets.issue(DANA)
    assert expires_at == clock.now() + LIFETIME
    clock.advance(LIFETIME.total_seconds())
    assert tickets.redeem(text) is None


def test_open_tickets_are_bounded_and_expired_ones_make_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_OPEN", 2)
    clock = FakeClock()
    tickets = Tickets(clock)
    tickets.issue(DANA)
    tickets.issue(DANA)
    with pytest.raises(ConflictError, match="too many"):
        tickets.issue(DANA)
    clock.advance(LIFETIME.total_seconds())
    assert tickets.issue(DANA)


def test_a_ticket_stands_nowhere_in_memory_as_it_is() -> None:
    tickets = Tickets(FakeClock())
    text, _ = tickets.issue(DANA)
    assert text not in repr(vars(tickets))
