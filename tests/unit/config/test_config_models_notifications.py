"""Which priority goes through which channel, and what holds by default."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from buildnet_cli.config.recipient import CHANNELS
from buildnet_cli.config.root import Config
from buildnet_cli.events.priority import Priority
from tests.support.config_models import EMAIL, SLACK, SMS, configured, refusal, refusals

HOOK = {"name": "Slack Webhook", "url": "https://hooks.slack.com/services/x"}


def notifying(priorities: dict[str, Any] | None = None, *, enabled: bool = True, **channels: Any) -> Config:
    settings = {"settings": {"priorities": priorities}} if priorities is not None else {}
    return configured("notifications", {"enabled": enabled, "channels": channels, **settings})


def test_an_empty_configuration_is_valid_and_sends_nothing() -> None:
    config = Config()
    assert config == Config.model_validate({})
    assert config.notifications.enabled_channels() == ()
    assert config.notifications.all_recipients() == ()
    assert not config.remote_control.enabled
    assert config.monitoring.watched() == ()


def test_the_defaults_are_the_documented_ones() -> None:
    settings = Config().notifications.settings
    assert settings.dedup_window_secs == 300
    assert (settings.rate_limit.max_per_minute, settings.rate_limit.max_per_hour) == (10, 100)
    assert settings.rate_limit.critical_per_minute == 5
    assert (settings.rate_limit.total.max_per_minute, settings.rate_limit.total.max_per_hour) == (0, 0)
    assert settings.quiet_hours is None
    assert settings.default_priority is Priority.MEDIUM
    assert settings.batch_max == 50


def test_without_priorities_every_channel_that_is_on_carries_every_one() -> None:
    notifications = notifying(slack=SLACK, webhooks=[HOOK], sms={"enabled": False}).notifications
    for priority in Priority:
        assert notifications.settings.channels_for(priority) is None
        assert notifications.channels_for(priority) == {"slack", "webhook"}


@pytest.mark.parametrize("name", ["webhook", "webhooks"])
def test_webhooks_may_be_named_in_either_number(name: str) -> None:
    settings = notifying({"low": {"channels": [name]}}).notifications.settings
    assert settings.channels_for(Priority.LOW) == {"webhook"}


@pytest.mark.parametrize(
    ("name", "near"), [("pager", "email"), ("emial", 'did you mean "email"?'), ("Slack", 'did you mean "slack"?')]
)
def test_an_unknown_channel_is_refused_with_those_that_are_known(name: str, near: str) -> None:
    error = refusal("notifications.settings.priorities.high.channels", ["email", name])
    assert "priorities.high.channels[1]: " in error
    assert name in error
    assert near in error


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_may_be_named(name: str) -> None:
    assert refusal("notifications.settings.priorities.high.channels", [name]) == ""


ALL_FOUR: dict[str, Any] = {
    "low": {"channels": ["webhook"], "delay_secs": 60},
    "medium": {"channels": ["email", "slack"]},
    "high": {"channels": ["email", "slack", "sms"]},
    "critical": {"channels": ["email", "slack", "sms"]},
}


def test_a_priority_goes_to_the_channels_it_names_that_are_on() -> None:
    notifications = notifying(ALL_FOUR, slack=SLACK, email=EMAIL, sms={"enabled": False}).notifications
    assert notifications.channels_for(Priority.HIGH) == {"slack", "email"}
    assert notifications.channels_for(Priority.LOW) == frozenset()


def test_a_channel_that_no_priority_names_goes_along_with_slack() -> None:
    notifications = notifying(ALL_FOUR, email=EMAIL, telegram={"bot_token": "t"}).notifications
    assert notifications.unnamed_channels() == ("telegram",)
    assert [priority for priority in Priority if "telegram" in notifications.channels_for(priority)] == [
        Priority.MEDIUM,
        Priority.HIGH,
        Priority.CRITICAL,
    ]


def test_a_channel_that_no_priority_names_is_heard_from_medium_upward_where_slack_is_not_named_either() -> None:
    priorities = {priority.value: {"channels": ["email"]} for priority in Priority}
    notifications = notifying(priorities, slack=SLACK, email=EMAIL).notifications
    assert notifications.channels_for(Priority.LOW) == {"email"}
    assert notifications.channels_for(Priority.MEDIUM) == {"email", "slack"}


def test_a_priority_without_a_list_carries_every_channel_so_that_none_is_unnamed() -> None:
    notifications = notifying({"high": {"channels": ["email"]}}, slack=SLACK, email=EMAIL).notifications
    assert notifications.unnamed_channels() == ()
    assert notifications.channels_for(Priority.HIGH) == {"email"}
    assert notifications.channels_for(Priority.LOW) == {"email", "slack"}


def test_notifications_that_are_off_reach_nobody() -> None:
    notifications = notifying(enabled=False, slack={**SLACK, "default_channel": "#x"}).notifications
    assert notifications.enabled_channels() == ()
    assert notifications.all_recipients() == ()
    assert notifications.channels_for(Priority.CRITICAL) == frozenset()


def test_a_priority_has_its_delay_and_its_way_with_quiet_hours() -> None:
    settings = notifying({**ALL_FOUR, "high": {"override_quiet_hours": True}, "critical": {}}).notifications.settings
    assert settings.delay_of(Priority.LOW) == timedelta(seconds=60)
    assert settings.delay_of(Priority.MEDIUM) == timedelta()
    assert [priority for priority in Priority if settings.overrides_quiet_hours(priority)] == [Priority.HIGH, Priority.CRITICAL]
    silent = notifying({"critical": {"override_quiet_hours": False}}).notifications.settings
    assert not silent.overrides_quiet_hours(Priority.CRITICAL)


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("Slack Webhook", ["webhook:Slack Webhook"]),
        ("slack-webhook", ["webhook:Slack Webhook"]),
        ("slack", ["webhook:Slack Webhook"]),
        ("webhook", ["webhook:Slack Webhook", "webhook:Other"]),
        ("webhooks", ["webhook:Slack Webhook", "webhook:Other"]),
        ("SMS", ["sms:Lead"]),
        ("lead", ["sms:Lead"]),
        ("json", ["webhook:Other"]),
        ("pager", []),
    ],
)
def test_a_word_means_a_name_else_a_slug_else_a_channel_else_a_format(word: str, expected: list[str]) -> None:
    notifications = notifying(
        webhooks=[HOOK, {"name": "Other", "url": "https://h.test/"}],
        sms={**SMS, "recipients": [{"phone": "+14155550123", "name": "Lead"}]},
    ).notifications
    assert [str(each) for each in notifications.find_recipients(word)] == expected


def test_a_slack_app_is_preferred_to_a_webhook_in_slacks_format() -> None:
    notifications = notifying(webhooks=[HOOK], slack={**SLACK, "default_channel": "#all"}).notifications
    assert [str(each) for each in notifications.find_recipients("slack")] == ["slack:#all"]


def test_all_errors_are_found_at_once() -> None:
    error = refusals(
        {
            "notifications": {"enabled": "maybe", "settings": {"batch_max": 0}},
            "monitoring": {"resources": {"cpu": {"warning": 101}, "disk": {"paths": [{}]}}},
            "reports": {"storage": {"path": "/"}},
            "nonsense": 1,
        }
    )
    assert len(error.splitlines()) == 6
