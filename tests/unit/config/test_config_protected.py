"""What nobody may change from afar, whichever way it is put."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.config.edit import Editor
from buildnet_cli.config.history import History
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


WAS = {
    "notifications": {
        "settings": {"batch_max": 50},
        "channels": {"webhooks": [{"name": "a", "url": "https://a.example"}, {"name": "b", "url": "https://b.example"}]},
    },
    "remote_control": {"enabled": True},
}


@pytest.mark.parametrize(
    "now",
    [
        {**WAS, "remote_control": {"enabled": False}},
        {**WAS, "remote_control": {"enabled": 1}},
        {"notifications": WAS["notifications"]},
        {},
        {**WAS, "notifications": {}},
        {**WAS, "notifications": {**WAS["notifications"], "channels": {"webhooks": [{"name": "a", "url": "https://evil.example"}]}}},
        {**WAS, "notifications": {**WAS["notifications"], "channels": {"webhooks": WAS["notifications"]["channels"]["webhooks"][1:]}}},
        {**WAS, "notifications": {**WAS["notifications"], "settings": {"batch_max": "${AWS_SECRET}"}}},
    ],
)  # fmt: skip
def test_it_counts_what_would_differ_and_not_how_it_was_asked_for(now: dict[str, Any]) -> None:
    with pytest.raises(DeniedError, match="local terminal"):
        refuse_protected(WAS, now, (), hint="")


def test_what_stays_as_it_is_may_stand_in_the_way() -> None:
    refuse_protected(WAS, {**WAS, "notifications": {**WAS["notifications"], "settings": {"batch_max": 60}}}, (), hint="")


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    path = tmp_path / "notifications.yaml"
    path.write_text(
        "notifications:\n  settings: {batch_max: 50}  # kept\n  channels:\n"
        "    slack: {enabled: true, bot_token: '${TOKEN}', default_channel: '#builds'}\n"
    )
    path.chmod(0o600)
    return Editor(path, History(tmp_path / "versions"), {"TOKEN": "xoxb-1-2-abc"}.get, environ={}, is_remote=True)


def test_a_patch_that_repeats_a_masked_secret_changes_the_rest(editor: Editor) -> None:
    patch = {"notifications": {"settings": {"batch_max": 60}, "channels": {"slack": {"bot_token": "***"}}}}
    after = editor.merge(patch).after
    assert "batch_max: 60}  # kept" in after
    assert "${TOKEN}" in after


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("notifications.channels.slack.bot_token", "xoxb-9-9-mine"),
        ("notifications.channels.slack.default_channel", "${TOKEN}"),
        ("notifications.channels.slack", "{enabled: true}"),
        ("remote_control.authentication.api_keys", "[]"),
        ("remote_control.nonsense", "1"),
    ],
)
def test_nothing_protected_is_written_from_afar(key: str, value: str, editor: Editor) -> None:
    with pytest.raises(DeniedError):
        editor.set_value(key, value)
    with pytest.raises(DeniedError):
        editor.try_value(key, value)
