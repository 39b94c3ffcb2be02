"""News of a channel's trouble keep away from that channel, and from nothing else."""

from __future__ import annotations

import pytest

from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.loop_guard import speaks_of
from tests.support.deliveries import an_event

TEAM, OPS, DANA, KIM = Target("webhook", "Team"), Target("webhook", "Ops"), Target("sms", "Dana"), Target("sms", "Kim")


@pytest.mark.parametrize("state", ["channel.failing", "channel.recovered"])
def test_an_endpoints_trouble_is_told_everywhere_else(state: str) -> None:
    event = an_event("webhook:Team", type=state)
    assert [speaks_of(event, target) for target in (TEAM, OPS, DANA)] == [True, False, False]


def test_a_channels_trouble_is_told_on_the_other_channels() -> None:
    event = an_event("sms", type="channel.failing")
    assert [speaks_of(event, target) for target in (DANA, KIM, TEAM)] == [True, True, False]


def test_any_other_event_may_bear_a_channels_name() -> None:
    assert not speaks_of(an_event("webhook:Team", type="custom.note"), TEAM)
