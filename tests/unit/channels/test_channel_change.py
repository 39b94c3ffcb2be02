"""A change of an older message is no part of the delivery."""

from __future__ import annotations

import asyncio

import pytest

from buildnet_cli.channels import change
from buildnet_cli.channels.change import if_it_works
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.routing.decision import Target

TARGET = Target("slack", "#builds")


@pytest.mark.parametrize("outcome", Outcome)
async def test_a_refusal_is_logged_and_no_more(outcome: Outcome, caplog: pytest.LogCaptureFixture) -> None:
    async with if_it_works(TARGET):
        raise ChannelError("slack.com answered: edit_window_closed", outcome=outcome)
    (record,) = caplog.records
    assert record.getMessage() == "the first message of an incident stays as it was: slack.com answered: edit_window_closed"
    assert record.__dict__["target"] == "slack:#builds"


async def test_what_takes_too_long_is_given_up(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(change, "_LONGEST_SECS", 0)
    async with if_it_works(TARGET):
        await asyncio.Event().wait()
    assert "no answer within 0 s" in caplog.text


async def test_whoever_is_to_stop_stops() -> None:
    with pytest.raises(asyncio.CancelledError):
        async with if_it_works(TARGET):
            raise asyncio.CancelledError


async def test_a_fault_of_our_own_is_not_hidden() -> None:
    with pytest.raises(ZeroDivisionError):
        async with if_it_works(TARGET):
            _ = 1 / 0
