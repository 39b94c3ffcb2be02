"""Who may send commands, and how strong their credentials must be."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.config.permission import COMMANDS, CONFIRMED, Level
from buildnet_cli.config.remote_control import RemoteControl
from tests.support.config_models import API_KEY, configured, refusal


def remote(**keys: Any) -> RemoteControl:
    return configured("remote_control", {"enabled": True, **keys}).remote_control


def key_refusal(*keys: dict[str, Any]) -> str:
    return refusal("remote_control.authentication.api_keys", list(keys))


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("abc", "24"),
        ("your-api-key", "24"),
        ("changeme", "24"),
        ("", "24"),
        (None, "24"),
        ("x" * 23, "24"),
        ("changeme-changeme-changeme", "placeholder"),
        ("<your-api-key-goes-here-0001>", "placeholder"),
        ("example-key-1f9b3c7d5e2a8046", "placeholder"),
        ("a" * 40, "easy to guess"),
        ("abcabcabcabcabcabcabcabcabc", "easy to guess"),
        ("123456789012345678901234567890", "easy to guess"),
        ("abcdefghijklmnopqrstuvwxyz", "easy to guess"),
        ("key with spaces in it, 24 chars", "no token has"),
        (123456789012345678901234, "text"),
    ],
)
def test_a_weak_api_key_is_refused_without_being_shown(key: Any, expected: str) -> None:
    error = key_refusal({"key": key, "name": "k", "permissions": ["*"]})
    assert "api_keys[0].key: " in error
    assert expected in error
    assert not key or str(key) not in error


@given(st.integers())
def test_a_random_key_is_taken(seed: int) -> None:
    key = random.Random(seed).randbytes(24).hex()
    assert key_refusal({"key": key, "name": "k", "permissions": ["*"]}) == ""


def test_a_key_or_a_name_may_be_listed_once_only() -> None:
    first = {"key": API_KEY, "name": "a", "permissions": ["*"]}
    same_key = key_refusal(first, {**first, "name": "b"})
    assert "api_keys[1]" in same_key
    assert API_KEY not in same_key
    assert "same name" in key_refusal(first, {**first, "key": API_KEY[::-1]})


def test_a_key_says_what_it_allows() -> None:
    assert "permissions: Field required" in key_refusal({"key": API_KEY, "name": "a"})
    assert 'did you mean "status"?' in key_refusal({"key": API_KEY, "name": "a", "permissions": ["statsu"]})


@pytest.mark.parametrize(
    ("word", "expected"), [("STPO", 'did you mean "STOP"?'), ("CACHE", "CACHE"), ("rm -rf /", "no command"), ("", "no command")]
)
def test_a_word_that_is_no_command_cannot_ask_back(word: str, expected: str) -> None:
    error = refusal("remote_control.confirmation.require_confirmation", [word])
    assert "require_confirmation[0]: " in error
    assert expected in error


def test_a_command_is_known_in_any_case_and_spacing() -> None:
    confirmation = configured(
        "remote_control.confirmation.require_confirmation", ["cache  clear", "Stop"]
    ).remote_control.confirmation
    assert confirmation.require_confirmation == ("CACHE CLEAR", "STOP")


def test_the_strong_commands_ask_back_by_default() -> None:
    assert remote().confirmation.require_confirmation == CONFIRMED
    assert {COMMANDS[command] for command in CONFIRMED} == {Level.ADMIN}


def test_allow_lists_in_several_places_are_added_up() -> None:
    control = remote(
        authentication={
            "sms": {"allowed_numbers": ["+14155550123"]},
            "email": {"allowed_addresses": ["a@example.com"], "allowed_domains": ["Example.org"]},
        },
        sms={"allowed_numbers": ["+1 415 555 0124"]},
        email={"allowed_senders": ["B@example.com"]},
    )
    assert control.allowed_numbers == {"+14155550123", "+14155550124"}
    assert control.allowed_addresses == {"a@example.com", "b@example.com"}
    assert control.allowed_domains == {"example.org"}


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"sms": {"allowed_numbers": []}}, True),
        ({"sms": {"enabled": False}}, False),
        ({"sms": {"commands_enabled": False}}, False),
        ({"enabled": False, "sms": {"enabled": True}}, False),
        ({}, False),
        ({"authentication": {"sms": {"allowed_numbers": ["+14155550123"]}}}, True),
    ],
)
def test_text_messages_are_taken_only_when_all_switches_are_on(keys: dict[str, Any], expected: bool) -> None:
    assert remote(**keys).takes_sms is expected


def test_mail_is_taken_only_where_it_is_configured() -> None:
    assert not remote(authentication={"email": {"allowed_addresses": ["a@example.com"]}}).takes_email
    assert remote(email={}).takes_email
    assert not remote(enabled=False, email={}).takes_email


@pytest.mark.parametrize(
    ("section", "lacking"),
    [
        ({"imap": {}}, "imap.host and imap.username and imap.password"),
        ({"imap": {"base_url": "imap://127.0.0.1:1143", "username": "u"}}, "imap.password"),
    ],
)
def test_a_mailbox_says_all_that_it_lacks(section: dict[str, Any], lacking: str) -> None:
    assert f"needs {lacking} to read mail" in refusal("remote_control.email", section)
    assert refusal("remote_control.email", {**section, "enabled": False}) == ""


def test_signatures_are_needed_until_that_is_waived_in_words() -> None:
    assert remote(email={}).require_signed
    assert not remote(email={"require_signed": False}).require_signed
    assert not remote(authentication={"email": {"require_signed": False}}).require_signed
    both = {"authentication": {"email": {"require_signed": True}}, "email": {"require_signed": False}}
    assert "different values" in refusal("remote_control", both)


@pytest.mark.parametrize(
    ("destination", "expected"),
    [("dana", "CHANNEL:WHO"), ("slack:", "CHANNEL:WHO"), ("pigeon:dana", "no channel"), ("email:x@", "e-mail")],
)
def test_a_code_goes_to_a_channel_and_somebody(destination: str, expected: str) -> None:
    assert expected in refusal("remote_control.confirmation.deliver_to", destination)


def test_remote_control_is_off_until_it_is_switched_on() -> None:
    assert not configured("remote_control", {"sms": {"enabled": True}}).remote_control.enabled
