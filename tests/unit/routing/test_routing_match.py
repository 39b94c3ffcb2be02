"""Who hears of an event, and the reason that goes with the answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.config.notifications import Notifications
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Action, Decision, Target
from buildnet_cli.routing.match import Route, RoutingTable
from buildnet_cli.routing.pipeline import decide
from buildnet_cli.routing.rules import Rules
from buildnet_cli.routing.state import State
from tests.support.clocks import START
from tests.support.deliveries import an_event

ALL = frozenset({"webhook", "slack", "sms", "email"})


def hook(name: str, *events: str, **fields: object) -> dict[str, object]:
    patterns = {"events": list(events)} if events else {}
    return {"name": name, "url": f"https://{name}.example.com/in", **patterns, **fields}


def a_config(*webhooks: dict[str, object], **fields: object) -> Notifications:
    return Notifications.model_validate({"channels": {"webhooks": list(webhooks)}, **fields})


def decisions(config: Notifications, event_type: str = "build.failed", priority: Priority = Priority.HIGH) -> list[Decision]:
    table = RoutingTable.from_config(config, ALL)
    return decide(an_event(type=event_type, priority=priority), Rules(table), State(), START)


def names(config: Notifications, event_type: str = "build.failed", priority: Priority = Priority.HIGH) -> list[str]:
    return [decision.target.recipient for decision in decisions(config, event_type, priority)]


def test_a_recipient_hears_what_one_of_its_patterns_means() -> None:
    config = a_config(hook("builds", "build.*"), hook("disk", "resource.disk.*", "*.critical"))
    assert names(config) == ["builds"]
    assert names(config, "resource.disk.low", Priority.CRITICAL) == ["disk"]
    assert names(config, "build.failed", Priority.CRITICAL) == ["builds", "disk"]


def test_a_recipient_without_patterns_hears_everything() -> None:
    assert names(a_config(hook("all")), "custom.deploy.done", Priority.LOW) == ["all"]


def test_a_recipient_that_is_off_hears_nothing() -> None:
    assert names(a_config(hook("on"), hook("off", enabled=False))) == ["on"]


def test_nobody_hears_while_notifications_are_off() -> None:
    assert names(a_config(hook("all"), enabled=False)) == []


def test_a_priority_goes_only_to_the_channels_it_names() -> None:
    priorities = {"low": {"channels": ["slack"]}, "high": {"channels": ["webhook"]}, "medium": {"channels": ["slack"]}}
    config = a_config(hook("all"), settings={"priorities": {**priorities, "critical": {"channels": ["webhook"]}}})
    assert names(config, priority=Priority.HIGH) == ["all"]
    assert names(config, priority=Priority.LOW) == []


def test_every_decision_says_which_line_it_came_from() -> None:
    (decision,) = decisions(a_config(hook("builds", "build.*")))
    assert decision.action is Action.SEND
    assert [(reason.stage, reason.text) for reason in decision.reasons[:2]] == [
        ("match", "its pattern 'build.*' matches build.failed"),
        ("priority", "high goes to webhook"),
    ]
    assert [reason.path for reason in decision.reasons[:2]] == [
        ("notifications", "channels", "webhooks", 0),
        ("notifications", "settings", "priorities", "high", "channels"),
    ]


def test_what_is_not_wanted_has_its_reason_too() -> None:
    table = RoutingTable.from_config(a_config(hook("builds", "build.*")), ALL)
    (match,) = table.match("cache.cleared", Priority.LOW)
    assert not match.is_wanted
    assert match.reasons[-1].text == "none of its patterns matches cache.cleared"


def test_a_channel_this_version_cannot_send_to_is_said_to_be_so() -> None:
    table = RoutingTable.from_config(a_config(hook("all")), frozenset())
    (decision,) = decide(an_event(), Rules(table), State(), START)
    assert decision.action is Action.SUPPRESS
    assert decision.reasons[-1].text == "this version cannot send to webhook yet"


ROOMS = [
    Route(Target("slack", "builds"), (Pattern.parse("build.*"),)),
    Route(Target("slack", "rest"), (), takes_rest=True),
    Route(Target("sms", "boss"), (Pattern.parse("*"),)),
]


@pytest.mark.parametrize(
    ("event_type", "expected"),
    [("build.failed", ["builds", "boss"]), ("cache.cleared", ["rest", "boss"])],
)
def test_the_default_room_gets_what_no_other_room_of_its_channel_wants(event_type: str, expected: list[str]) -> None:
    table = RoutingTable(ROOMS, dict.fromkeys(Priority, ALL))
    assert [each.target.recipient for each in decide(an_event(type=event_type), Rules(table), State(), START)] == expected


def test_an_added_route_hears_every_priority() -> None:
    console = Route(Target("console", "terminal"), (Pattern.parse("*"),))
    table = RoutingTable.from_config(a_config(hook("all")), ALL).with_route(console)
    for priority in Priority:
        assert Target("console", "terminal") in [
            each.target for each in decide(an_event(priority=priority), Rules(table), State(), START)
        ]
    assert table.targets == {Target("webhook", "all"), Target("console", "terminal")}


@given(
    st.lists(st.sampled_from(["build.failed", "build.started", "cache.cleared", "custom.a"]), max_size=30),
    st.sampled_from(Priority),
)
def test_what_is_remembered_is_what_would_be_decided_anew(types: list[str], priority: Priority) -> None:
    table = RoutingTable(ROOMS, dict.fromkeys(Priority, ALL))
    for event_type in types:
        anew = RoutingTable(ROOMS, dict.fromkeys(Priority, ALL))
        assert table.match(event_type, priority) == anew.match(event_type, priority)


def test_memory_is_bounded_whatever_types_come() -> None:
    table = RoutingTable(ROOMS, dict.fromkeys(Priority, ALL))
    for number in range(5000):
        table.match(f"custom.n{number}", Priority.LOW)
    assert len(table._remembered) <= 4096
