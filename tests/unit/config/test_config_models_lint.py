"""Remarks on configurations that are valid."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from buildnet_cli.config.lint import remarks_on
from buildnet_cli.config.remark import Remark
from buildnet_cli.config.root import Config
from tests.support.config_models import API_KEY, EMAIL, SLACK, SMS, nested

RECIPIENT = {"email": "a@example.com"}
FOUR = {name: {"channels": ["email"]} for name in ("low", "medium", "high", "critical")}


def remarks(data: dict[str, Any], exists: Callable[[str], bool] = lambda path: True) -> list[Remark]:
    return remarks_on(Config.model_validate(data), exists=exists)


def channels(**sections: Any) -> dict[str, Any]:
    return nested("notifications.channels", sections)


def mailing(**recipient: Any) -> dict[str, Any]:
    return channels(email={**EMAIL, "recipients": [{**RECIPIENT, **recipient}]})


EXPECTED: dict[str, tuple[dict[str, Any], str, list[str]]] = {
    "an unknown event": (
        mailing(events=["*", "build.faild"]),
        "notifications.channels.email.recipients.0.events.1",
        ["build.faild", "build.failed"],
    ),
    "an unknown event in quiet hours": (
        nested("notifications.settings.quiet_hours", {"enabled": False, "exceptions": ["demon.*"]}),
        "notifications.settings.quiet_hours.exceptions.0",
        ["demon.*"],
    ),
    "an empty list of events": (mailing(events=[]), "notifications.channels.email.recipients.0.events", ["never"]),
    "a channel that no priority lists": (
        {"notifications": {"settings": {"priorities": FOUR}, "channels": {"slack": {**SLACK, "default_channel": "#x"}}}},
        "notifications.channels.slack",
        ["slack", "medium, high, critical"],
    ),
    "a priority with a channel that is off": (
        nested("notifications.settings.priorities.high.channels", ["push"]),
        "notifications.settings.priorities.high.channels.0",
        ["push", "off or not configured"],
    ),
    "a channel without recipients": (channels(sms=SMS), "notifications.channels.sms", ["no recipients"]),
    "a report that reaches nobody": (
        nested("reports.scheduled", [{"name": "r", "cron": "@daily", "recipients": ["email:a@example.com"]}]),
        "reports.scheduled.0.recipients.0",
        ["email:a@example.com", "off or not configured"],
    ),
    "a code that reaches nobody": (
        nested("remote_control.confirmation.deliver_to", "sms:Lead"),
        "remote_control.confirmation.deliver_to",
        ["sms:Lead"],
    ),
    "a sample account": (channels(sms={**SMS, "account_sid": "AC..."}), "notifications.channels.sms.account_sid", ["AC..."]),
    "a token where the account belongs": (
        channels(sms={**SMS, "account_sid": "0123456789abcdef"}),
        "notifications.channels.sms.account_sid",
        ["no Twilio account SID"],
    ),
    "a sample URL": (
        channels(webhooks=[{"name": "x", "url": "https://hooks.slack.com/services/..."}]),
        "notifications.channels.webhooks.0.url",
        ["sample"],
    ),
    "a secret too short to mask": (
        channels(slack={"bot_token": "abc"}),
        "notifications.channels.slack.bot_token",
        ["3 characters"],
    ),
    "an impossible sender": (
        channels(sms={**SMS, "from_number": "+1234567890"}),
        "notifications.channels.sms.from_number",
        ["+1234567890"],
    ),
    "an impossible recipient": (
        channels(sms={**SMS, "recipients": [{"phone": "+1555123456"}]}),
        "notifications.channels.sms.recipients.0.phone",
        ["+1555123456"],
    ),
    "an impossible admin": (
        nested("remote_control.sms.allowed_numbers", ["+1987654321"]),
        "remote_control.sms.allowed_numbers.0",
        ["+1987654321"],
    ),
    "an impossible number under authentication": (
        nested("remote_control.authentication.sms.allowed_numbers", ["+1987654321"]),
        "remote_control.authentication.sms.allowed_numbers.0",
        ["+1987654321"],
    ),
    "a name that turns around": (
        mailing(name="admin\u202egnp.exe"),
        "notifications.channels.email.recipients.0.name",
        ["\\u202e"],
    ),
    "a name with an invisible space": (
        mailing(name="ad\u200bmin"),
        "notifications.channels.email.recipients.0.name",
        ["\\u200b"],
    ),
    "an API for everybody": (nested("agent.api.host", "0.0.0.0"), "agent.api.host", ["0.0.0.0", "plain http"]),
    "an unchecked certificate": (
        channels(webhooks=[{"name": "x", "url": "https://h.test/", "verify": False}]),
        "notifications.channels.webhooks.0.verify",
        ["not checked"],
    ),
    "plain http to the world": (
        channels(webhooks=[{"name": "x", "url": "http://h.example.com/", "allow_insecure": True}]),
        "notifications.channels.webhooks.0.allow_insecure",
        ["public host"],
    ),
    "mail without TLS": (
        channels(email={**EMAIL, "smtp": {"host": "mail", "tls": False}, "recipients": [RECIPIENT]}),
        "notifications.channels.email.smtp.tls",
        ["unencrypted"],
    ),
    "no confirmation at all": (
        nested("remote_control.confirmation.require_confirmation", []),
        "remote_control.confirmation.require_confirmation",
        ["STOP", "CACHE CLEAR", "run without confirmation"],
    ),
    "no confirmation for one": (
        nested("remote_control.confirmation.require_confirmation", ["CACHE CLEAR", "RESTART", "NODE REMOVE", "PLUGIN UNLOAD"]),
        "remote_control.confirmation.require_confirmation",
        ["STOP runs without confirmation"],
    ),
    "no confirmation by text message": (
        nested("remote_control.authentication.sms.require_confirmation", False),
        "remote_control.authentication.sms.require_confirmation",
        ["without confirmation"],
    ),
    "no number allowed": (
        nested("remote_control", {"enabled": True, "sms": {"allowed_numbers": []}}),
        "remote_control.sms",
        ["nobody", "text message"],
    ),
    "no sender allowed": (nested("remote_control", {"enabled": True, "email": {}}), "remote_control.email", ["nobody", "mail"]),
    "a user who may do nothing": (
        channels(telegram={"bot_token": "1:abcdef", "allowed_users": [{"id": "1", "name": "Dana"}]}),
        "notifications.channels.telegram.allowed_users.0",
        ["Dana", "no command"],
    ),
    "unsigned mail": (
        nested("remote_control", {"enabled": True, "email": {"require_signed": False, "allowed_senders": ["a@example.com"]}}),
        "remote_control.email",
        ["forge"],
    ),
}


@pytest.mark.parametrize("what", EXPECTED)
def test_what_is_probably_a_slip_is_remarked_where_it_stands(what: str) -> None:
    data, path, words = EXPECTED[what]
    (remark,) = [found for found in remarks(data) if ".".join(map(str, found.path)) == path]
    assert all(word in f"{remark.message} {remark.hint}" for word in words)
    assert remark.message.isprintable()


CAREFUL: dict[str, Any] = {
    "notifications": {
        "settings": {"priorities": {"high": {"channels": ["sms", "email", "slack"]}}},
        "channels": {
            "sms": {**SMS, "recipients": [{"phone": "+14155552671", "name": "Lead 👩\u200d💻"}], "from_number": "+14155552672"},
            "email": {
                **EMAIL,
                "recipients": [{**RECIPIENT, "events": ["*.failed", "*.critical", "custom.deploy.*", "custom.disk.full"]}],
            },
            "slack": {**SLACK, "default_channel": "#builds"},
            "webhooks": [
                {"name": "x", "url": "https://h.test/", "template": "{{event.message}}\u202e"},
                {"name": "y", "url": "https://h.example.com/", "allow_insecure": True},
            ],
        },
    },
    "remote_control": {
        "enabled": True,
        "authentication": {"api_keys": [{"key": API_KEY, "name": "a", "permissions": ["*"]}]},
        "sms": {"allowed_numbers": ["+14155552671"]},
    },
    "monitoring": {"resources": {"disk": {"paths": [{"path": "/var"}], "events": {"on_critical": "disk.full"}}}},
}


def test_a_careful_configuration_is_not_remarked_upon() -> None:
    assert remarks(CAREFUL) == []
    assert remarks({}) == []


def test_a_channel_that_is_off_is_remarked_once_for_all_priorities() -> None:
    lists = {"medium": ["push"], "high": ["push", "slack"], "critical": ["push", "push"]}
    found = remarks(nested("notifications.settings.priorities", {name: {"channels": names} for name, names in lists.items()}))
    assert [remark.message for remark in found] == [
        "push is off or not configured; nothing of these priorities goes there: medium, high, critical",
        "slack is off or not configured; nothing of these priorities goes there: high",
    ]
    assert found[0].path == ("notifications", "settings", "priorities", "medium", "channels", 0)


def test_a_type_named_for_a_monitor_is_a_known_event() -> None:
    watched = nested("monitoring.resources.cpu.events.on_critical", "cpu.melts")
    assert remarks({**mailing(events=["cpu.melts"]), **watched}) == []
    assert len(remarks(mailing(events=["cpu.melts"]))) == 1


def test_a_disk_that_is_not_there_is_remarked() -> None:
    data = nested("monitoring.resources.disk.paths", [{"path": "/"}, {"path": "/nonexistent/mount"}])
    (remark,) = remarks(data, exists=lambda path: path == "/")
    assert remark.path == ("monitoring", "resources", "disk", "paths", 1, "path")
    assert "/nonexistent/mount" in remark.message


def test_written_limits_are_noted_to_apply_to_each_target() -> None:
    (note,) = remarks(nested("notifications.settings.rate_limit", {"max_per_minute": 7}))
    assert note.is_note
    assert "each target" in note.message
    assert "7 a minute and 100 an hour" in note.message


def test_no_remark_shows_a_secret() -> None:
    data = channels(
        slack={"bot_token": "x..CANARY...y"},
        sms={**SMS, "account_sid": "CANARY"},
        webhooks=[{"name": "x", "url": "https://h.test/CANARY/..."}],
    )
    assert "CANARY" not in repr(remarks(data))
