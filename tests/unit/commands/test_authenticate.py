"""Who may ask is written in the configuration; everybody else is a stranger."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.commands.authenticate import People
from buildnet_cli.commands.inbound import Inbound
from buildnet_cli.config.root import Config
from buildnet_cli.delivery.model import Address

CHANNELS = {
    "sms": {
        "account_sid": "AC0123456789abcdef0123456789abcdef",
        "auth_token": "x" * 32,
        "from_number": "+14155550100",
        "recipients": [{"phone": "+14155550123", "name": "DevOps Lead"}],
    },
    "slack": {
        "bot_token": "xoxb-1",
        "default_channel": "#b",
        "allowed_users": [{"id": "U01", "name": "dana", "commands": ["*"]}],
    },
    "discord": {"bot_token": "b", "channels": [{"id": "1" * 18}], "allowed_users": [{"id": "2" * 18, "commands": ["build"]}]},
    "telegram": {"bot_token": "1:" + "t" * 35, "allowed_users": [{"id": "42", "name": "Kim", "commands": ["status", "build"]}]},
}
REMOTE = {
    "enabled": True,
    "sms": {"allowed_numbers": ["+14155550123"]},
    "email": {"allowed_senders": ["Admin@Example.com"]},
    "authentication": {"sms": {"allowed_numbers": ["+14155550199"]}, "email": {"allowed_domains": ["example.org"]}},
}


def people(remote: dict[str, Any] | None = None) -> People:
    return People.from_config(
        Config.model_validate({"notifications": {"channels": CHANNELS}, "remote_control": remote or REMOTE})
    )


def written(channel: str, identifier: str) -> Inbound:
    return Inbound(channel, identifier, "STATUS", "m1", Address(channel, identifier), name="somebody they claim to be")


@pytest.mark.parametrize(
    ("channel", "identifier", "name", "permissions"),
    [
        ("sms", "+14155550123", "DevOps Lead", ("*",)),
        ("sms", "+14155550199", "+14155550199", ("*",)),
        ("email", "admin@example.com", "admin@example.com", ("*",)),
        ("email", "ADMIN@example.com", "admin@example.com", ("*",)),
        ("email", "anybody@example.org", "anybody@example.org", ("level:read",)),
        ("slack", "T01/U01", "dana", ("*",)),
        ("discord", "2" * 18, "2" * 18, ("build",)),
        ("telegram", "42", "Kim", ("status", "build")),
    ],
)
def test_whoever_is_listed_is_known_with_what_they_may(
    channel: str, identifier: str, name: str, permissions: tuple[str, ...]
) -> None:
    principal = people().principal_of(written(channel, identifier))
    assert principal is not None
    assert (principal.name, principal.channel, principal.permissions) == (name, channel, permissions)


@pytest.mark.parametrize(
    ("channel", "identifier"),
    [
        ("sms", "+14155550999"),
        ("sms", "14155550123"),
        ("sms", "+14155550123 "),
        ("email", "admin@example.com.evil.test"),
        ("email", "a@sub.example.org"),
        ("email", "example.org"),
        ("slack", "T01/U02"),
        ("slack", "U01/T01"),
        ("discord", "1" * 18),
        ("telegram", "43"),
        ("telegram", "Kim"),
        ("sms", "42"),
        ("pigeon", "+14155550123"),
    ],
)
def test_everybody_else_is_a_stranger(channel: str, identifier: str) -> None:
    assert people().principal_of(written(channel, identifier)) is None


@pytest.mark.parametrize(
    "remote",
    [
        {"enabled": False},
        {"enabled": True},
        {**REMOTE, "enabled": False},
        {"enabled": True, "sms": {"allowed_numbers": ["+14155550123"], "commands_enabled": False}},
        {"enabled": True, "sms": {"allowed_numbers": ["+14155550123"], "enabled": False}},
    ],
)
def test_nobody_may_text_while_that_is_off(remote: dict[str, Any]) -> None:
    assert people(remote).principal_of(written("sms", "+14155550123")) is None


def test_nobody_at_all_is_known_while_remote_control_is_off() -> None:
    off = people({**REMOTE, "enabled": False})
    assert (off.known, off.domains) == ({}, frozenset())
