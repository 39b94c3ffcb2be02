"""What nobody may change from afar, whichever way it is put."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.config.origin import parse_key
from buildnet_cli.config.protected import is_protected, refuse_protected
from buildnet_cli.errors import DeniedError


@pytest.mark.parametrize(
    "key",
    [
        "remote_control.enabled",
        "remote_control.authentication.api_keys",
        "remote_control.confirmation.timeout_secs",
        "packages[0].build_cmd",
        "plugins.one",
        "agent.api.host",
        "agent.api.allowed_hosts",
        "engine.url",
        "engine.config",
        "engine.start_command",
        "reports.storage.path",
        "storage.path",
        "notifications.channels.webhooks[0].url",
        "notifications.channels.webhooks[0].headers.X",
        "notifications.channels.webhooks[0].verify",
        "notifications.channels.slack.base_url",
        "notifications.channels.slack.bot_token",
        "notifications.channels.slack.allowed_users[0].commands",
        "notifications.channels.telegram.allowed_users",
        "notifications.channels.email.smtp.host",
        "notifications.channels.sms.account_sid",
    ],
)
def test_a_key_is_protected(key: str) -> None:
    assert is_protected(parse_key(key))


@pytest.mark.parametrize(
    "key",
    [
        "notifications.settings.dedup_window_secs",
        "notifications.settings.quiet_hours.start",
        "notifications.channels.slack.enabled",
        "notifications.channels.webhooks[0].events",
        "monitoring.resources.disk.paths[0].warning",
        "agent.log.level",
        "engine.cache.max_mb",
        "reports.enabled",
    ],
)
def test_a_key_is_not(key: str) -> None:
    assert not is_protected(parse_key(key))


A, B = {"name": "a", "url": "https://a.example"}, {"name": "b", "url": "https://b.example"}


def file(*webhooks: dict[str, str], batch_max: Any = 50, **sections: Any) -> dict[str, Any]:
    """The values of a file: two webhooks, one setting, remote control on, unless it is said otherwise."""
    notifications = {"settings": {"batch_max": batch_max}, "channels": {"webhooks": list(webhooks or (A, B))}}
    return {"notifications": notifications, "remote_control": {"enabled": True}, **sections}


@pytest.mark.parametrize(
    "now",
    [
        file(remote_control={"enabled": False}),
        file(remote_control={"enabled": 1}),
        file(remote_control={}),
        file(notifications={}),
        file({"name": "a", "url": "https://evil.example"}, B),
        file(B),
        file(batch_max="${AWS_SECRET}"),
        {},
    ],
)
def test_it_counts_what_would_differ_and_not_how_it_was_asked_for(now: dict[str, Any]) -> None:
    with pytest.raises(DeniedError, match="local terminal"):
        refuse_protected(file(), now, (), hint="")


def test_what_stays_as_it_is_may_stand_in_the_way() -> None:
    refuse_protected(file(), file(batch_max=60), (), hint="")
