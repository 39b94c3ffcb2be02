"""The agent's status, as a person reads it."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.agent.status import as_text, channels_by_state
from tests.support.clocks import START


def status(**changed: Any) -> dict[str, Any]:
    return {
        "state": "running",
        "pid": 1,
        "uptime_secs": 60,
        "engine": {"kind": "buildnetd", "state": "running", "packages": ["api"]},
        "queue": {"running": [], "waiting": 0, "queued": []},
        "channels": [],
        "targets": [],
        "deliveries": {"pending": 0},
        "trouble": None,
        "config": {"is_stale": False},
    } | changed


def test_an_engine_that_cannot_be_reached_is_said_so() -> None:
    lost = {"kind": "buildnetd", "state": "unreachable", "packages": ["api"]}
    first = as_text(status(engine=lost), [], START).splitlines()[0]
    assert first.endswith("buildnetd engine, 1 package, unreachable: what is queued waits for it")
    assert "unreachable" not in as_text(status(), [], START)


@pytest.mark.parametrize(
    ("states", "line"),
    [
        ({}, "none configured"),
        ({"sms": "ok"}, "sms ok"),
        (
            {"sms": "ok", "email": "not supported yet", "webhook": "failing", "push": "not supported yet", "slack": "ok"},
            "sms, slack ok · email, push not supported yet · webhook failing",
        ),
    ],
)
def test_channels_of_one_state_stand_together(states: dict[str, str], line: str) -> None:
    assert channels_by_state([{"name": name, "state": state} for name, state in states.items()]) == line
