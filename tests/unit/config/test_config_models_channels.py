"""The sections of the channels: what an enabled one needs, whom it reaches."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.config.recipient import Recipient
from tests.support.config_models import EMAIL, SLACK, SMS, refusal, with_channels


def recipients_of(**sections: Any) -> dict[str, Recipient]:
    return {str(each): each for each in with_channels(**sections).notifications.all_recipients()}


@pytest.mark.parametrize(
    ("channel", "section", "lacking"),
    [
        ("sms", {}, "account_sid and auth_token and from_number"),
        ("sms", {**SMS, "auth_token": ""}, "auth_token"),
        ("sms", {"account_sid": "AC1", "auth_token": "t"}, "from_number"),
        ("email", {"from": "a@example.com"}, "smtp.host"),
        ("email", {"smtp": {"host": "mail"}}, "from"),
        ("email", {**EMAIL, "smtp": {"host": "mail", "username": "u"}}, "smtp.password"),
        ("email", {"provider": "sendgrid", "from": "a@example.com"}, "sendgrid.api_key"),
        ("email", {"provider": "ses", "from": "a@example.com"}, "ses.region and ses.access_key_id and ses.secret_access_key"),
        ("push", {}, "firebase.project_id and firebase.credentials"),
        ("slack", {}, "bot_token"),
        ("slack", {**SLACK, "mode": "socket"}, "app_token"),
        ("discord", {}, "bot_token"),
        ("telegram", {"bot_token": None}, "bot_token"),
    ],
)
def test_an_enabled_channel_says_all_that_it_lacks(channel: str, section: dict[str, Any], lacking: str) -> None:
    assert f"needs {lacking} to send" in refusal(f"notifications.channels.{channel}", section)


@pytest.mark.parametrize("channel", ["sms", "email", "push", "slack", "discord", "telegram"])
def test_a_channel_that_is_off_may_be_incomplete(channel: str) -> None:
    assert refusal(f"notifications.channels.{channel}", {"enabled": False}) == ""
    assert with_channels(**{channel: {"enabled": False}}).notifications.enabled_channels() == ()


def test_a_webhook_needs_a_name_and_a_url_unless_it_is_off() -> None:
    assert "webhooks[0]: needs name and url" in refusal("notifications.channels.webhooks", [{}])
    assert refusal("notifications.channels.webhooks", [{"enabled": False}, {"enabled": False}]) == ""


def test_a_messaging_service_takes_the_place_of_a_number() -> None:
    sms = {"account_sid": "AC1", "auth_token": "t", "messaging_service_sid": "MG1"}
    assert with_channels(sms=sms).notifications.enabled_channels() == ("sms",)


def test_mail_may_leave_through_a_server_without_a_login() -> None:
    assert with_channels(email=EMAIL).notifications.enabled_channels() == ("email",)


def test_a_bearer_credential_without_its_token_is_refused() -> None:
    hook = {"name": "x", "url": "https://h.test/", "auth": {"type": "bearer"}}
    assert "auth: needs a token" in refusal("notifications.channels.webhooks", [hook])


@pytest.mark.parametrize(
    ("auth", "told"),
    [
        ({"type": "basic", "username": "ci"}, "needs password"),
        ({"type": "basic"}, "needs username and password"),
        ({"type": "basic", "username": "a:b", "password": "p"}, "no colon"),
        ({"type": "basic", "username": "ci", "password": "a\r\nX: y"}, "password: holds"),
        ({"type": "basic", "username": "ci", "password": "p", "token": "t"}, "type basic has no token"),
        ({"type": "header", "token": "t"}, "needs header"),
        ({"type": "header", "header": "X-Key"}, "needs a token"),
        ({"type": "header", "header": "X Key", "token": "t"}, "no header name"),
        ({"type": "header", "header": "Host", "token": "t"}, "set by the program"),
        ({"type": "header", "header": "X-Key", "token": "a\nb"}, "no token has"),
        ({"type": "bearer", "token": "t", "header": "X-Key"}, "type bearer has no header"),
        ({"type": "digest"}, "bearer"),
    ],
)
def test_a_credential_has_what_its_type_needs_and_nothing_else(auth: dict[str, str], told: str) -> None:
    assert told in refusal("notifications.channels.webhooks", [{"name": "x", "url": "https://h.test/", "auth": auth}])


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\x00b", "café", "日本"])
def test_a_header_s_value_is_one_line_of_ascii(value: str) -> None:
    hook = {"name": "x", "url": "https://h.test/", "headers": {"X-Team": value}}
    assert "header 'X-Team'" in refusal("notifications.channels.webhooks", [hook]).replace('"', "'")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://hooks.slack.com/services/T/B/x", "slack"),
        ("https://discord.com/api/webhooks/1/x", "discord"),
        ("https://discordapp.com/api/webhooks/1/x", "discord"),
        ("https://hooks.slack.com.evil.test/services/x", "json"),
        ("https://monitoring.example.com/events", "json"),
    ],
)
def test_the_shape_of_a_webhook_follows_from_its_host(url: str, expected: str) -> None:
    (hook,) = with_channels(webhooks=[{"name": "x", "url": url}]).notifications.channels.webhooks
    assert hook.resolved_format == expected


def test_a_written_format_wins_over_the_host() -> None:
    (hook,) = with_channels(
        webhooks=[{"name": "x", "url": "https://hooks.slack.com/services/x", "format": "json"}]
    ).notifications.channels.webhooks
    assert hook.resolved_format == "json"


@pytest.mark.parametrize(
    ("template", "expected"),
    [("", "empty"), ("  \n", "empty"), ("{{event.message}}" * 100_000, "64 KiB"), ("a\0", "NUL"), (7, "text")],
)
def test_a_template_is_neither_empty_nor_unbounded(template: Any, expected: str) -> None:
    error = refusal("notifications.channels.webhooks", [{"name": "x", "url": "https://h.test/", "template": template}])
    assert "template: " in error
    assert expected in error


def test_webhooks_may_be_written_in_the_singular() -> None:
    hook = {"name": "x", "url": "https://h.test/"}
    assert with_channels(webhook=[hook]) == with_channels(webhooks=[hook])
    assert "two spellings" in refusal("notifications.channels", {"webhook": [hook], "webhooks": []})


@pytest.mark.parametrize("room", ["no", "builds", False, "#", "#a b", "#<x>", "C1\n"])
def test_a_slack_channel_begins_with_a_hash_or_is_an_id(room: Any) -> None:
    error = refusal("notifications.channels.slack", {"enabled": False, "default_channel": room})
    assert "default_channel: " in error
    assert "text" in error


@pytest.mark.parametrize("user", ["dana", "u0123456789", "", 7])
def test_a_slack_user_is_known_by_id_only(user: Any) -> None:
    assert "allowed_users[0].id: " in refusal("notifications.channels.slack", {**SLACK, "allowed_users": [{"id": user}]})


def test_a_discord_key_is_64_hexadecimal_digits() -> None:
    assert "64 hexadecimal" in refusal("notifications.channels.discord", {"enabled": False, "public_key": "abc"})
    assert refusal("notifications.channels.discord", {"enabled": False, "public_key": "ab" * 32}) == ""


@pytest.mark.parametrize("chat", ["-1001234567890", -1001234567890, "@builds_channel"])
def test_a_telegram_chat_is_an_id_or_a_public_name(chat: Any) -> None:
    (found,) = recipients_of(telegram={"bot_token": "t", "chats": [{"id": chat}]}).values()
    assert found.address == str(chat)


@pytest.mark.parametrize(("thread", "found"), [("7", True), (7, True), ("", True), ("general", False), ("07", False)])
def test_a_telegram_topic_is_a_number(thread: Any, found: bool) -> None:
    error = refusal("notifications.channels.telegram", {"bot_token": "t", "chats": [{"id": "-42", "thread_id": thread}]})
    assert (error == "") is found


def test_a_telegram_secret_is_what_telegram_takes_and_is_not_shown() -> None:
    error = refusal("notifications.channels.telegram", {"enabled": False, "webhook_secret": "a/b+CANARY"})
    assert "webhook_secret: must be 1 to 256" in error
    assert "CANARY" not in error


def test_a_push_topic_has_a_name_that_firebase_takes() -> None:
    assert "topics[0].name: " in refusal("notifications.channels.push", {"enabled": False, "topics": [{"name": "a b"}]})


# Whom a channel reaches


def test_every_recipient_has_a_name_an_address_and_its_place_in_the_file() -> None:
    found = recipients_of(
        sms={**SMS, "recipients": [{"phone": "+14155550123", "name": "DevOps Lead"}, {"phone": "+1 415 555 0124"}]},
        email={**EMAIL, "recipients": [{"email": "team@example.com", "format": "digest"}]},
        webhooks=[{"enabled": False}, {"name": "Slack Webhook", "url": "https://hooks.slack.com/services/x"}],
        push={"firebase": {"project_id": "p", "credentials": "c.json"}, "topics": [{"name": "critical-alerts"}]},
        discord={"bot_token": "t", "channels": [{"id": "1", "name": "builds"}, {"id": "2"}]},
    )
    assert {name: (each.address, each.format, each.path[2:]) for name, each in found.items()} == {
        "sms:DevOps Lead": ("+14155550123", "", ("sms", "recipients", 0)),
        "sms:+14155550124": ("+14155550124", "", ("sms", "recipients", 1)),
        "email:team@example.com": ("team@example.com", "digest", ("email", "recipients", 0)),
        "webhook:Slack Webhook": ("Slack Webhook", "slack", ("webhooks", 1)),
        "push:critical-alerts": ("critical-alerts", "", ("push", "topics", 0)),
        "discord:builds": ("1", "", ("discord", "channels", 0)),
        "discord:2": ("2", "", ("discord", "channels", 1)),
    }


def test_a_recipient_without_patterns_hears_everything() -> None:
    (person,) = recipients_of(sms={**SMS, "recipients": [{"phone": "+14155550123"}]}).values()
    assert [pattern.text for pattern in person.patterns] == ["*"]


def test_a_default_room_alone_hears_everything() -> None:
    room = recipients_of(slack={**SLACK, "default_channel": "#all"})["slack:#all"]
    assert [pattern.text for pattern in room.patterns] == ["*"]
    assert not room.takes_rest


def test_a_default_room_beside_others_takes_what_they_leave() -> None:
    slack = {**SLACK, "default_channel": "#rest", "channels": [{"id": "C123456", "name": "#builds", "events": ["build.*"]}]}
    rooms = recipients_of(slack=slack)
    assert not rooms["slack:#builds"].takes_rest
    assert rooms["slack:#rest"].takes_rest
    assert rooms["slack:#rest"].patterns == ()


@pytest.mark.parametrize("default", ["#builds", "C123456"])
def test_a_default_room_that_is_listed_is_one_recipient(default: str) -> None:
    slack = {**SLACK, "default_channel": default, "channels": [{"id": "C123456", "name": "#builds", "events": ["build.*"]}]}
    rooms = recipients_of(slack=slack)
    assert list(rooms) == ["slack:#builds"]
    assert rooms["slack:#builds"].takes_rest


def test_telegram_users_are_recipients_only_where_no_chats_are_listed() -> None:
    users = [{"id": "1", "name": "Admin", "commands": ["*"]}]
    assert list(recipients_of(telegram={"bot_token": "t", "allowed_users": users})) == ["telegram:Admin"]
    chats = [{"id": "-5", "name": "Team"}]
    assert list(recipients_of(telegram={"bot_token": "t", "allowed_users": users, "chats": chats})) == ["telegram:Team"]


def test_slack_and_discord_users_are_no_recipients() -> None:
    slack = {**SLACK, "allowed_users": [{"id": "U0123456789"}]}
    discord = {"bot_token": "t", "allowed_users": [{"id": "1"}]}
    assert recipients_of(slack=slack, discord=discord) == {}


@pytest.mark.parametrize(
    ("channel", "section"),
    [
        ("sms", {**SMS, "recipients": [{"phone": "+14155550123", "name": "Lead"}, {"phone": "+14155550124", "name": "lead"}]}),
        ("email", {**EMAIL, "recipients": [{"email": "a@example.com"}, {"email": "a@example.com"}]}),
        ("webhooks", [{"name": "x", "url": "https://a.test/"}, {"name": "X", "url": "https://b.test/"}]),
    ],
)
def test_two_recipients_of_one_name_are_refused(channel: str, section: Any) -> None:
    assert "give each a name of its own" in refusal(f"notifications.channels.{channel}", section)


def test_a_name_may_be_typed_as_a_slug() -> None:
    assert Recipient("webhook", "Büro: Slack Webhook_2!", "", ()).slug == "büro-slack-webhook-2"
