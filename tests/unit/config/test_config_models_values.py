"""Single values: what is refused, with which sentence, and what is taken after a change."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from buildnet_cli.config.fields import did_you_mean, flaw_in, shown
from buildnet_cli.config.permission import Permission
from tests.support.config_models import SLACK, configured, refusal, with_channels

NUMBERS = [
    ("remote_control.confirmation.code_length", [5, 11, 0, -6, 6.5, math.nan, "six", None, True, [6]], ("6", "10")),
    ("remote_control.confirmation.timeout_secs", [29, 601, 0, -300, math.inf, "5 minutes"], ("30", "600")),
    ("monitoring.resources.cpu.warning", [101, -1, math.nan, math.inf, None, [80], "80%", False], ("0", "100")),
    ("monitoring.resources.memory.warning_mb", [0, -1, 1.5, "6 GB"], ("1",)),
    ("notifications.settings.dedup_window_secs", [-1, math.nan, "300s"], ("0",)),
    ("notifications.settings.rate_limit.max_per_minute", [0, -1], ("1",)),
    ("notifications.settings.rate_limit.max_per_hour", [0, -10], ("1",)),
    ("notifications.settings.rate_limit.critical_per_minute", [0], ("1",)),
    ("notifications.channels.email.smtp.port", [70000, 0, "smtp"], ("1", "65535")),
    ("remote_control.rate_limit.read_per_minute", [0], ("1",)),
    ("reports.storage.retention_days", [0, -1], ("1",)),
    ("storage.retention_days.audit", [0], ("1",)),
    ("agent.api.port", [-1, 65536], ("0", "65535")),
]


@pytest.mark.parametrize(
    ("path", "value", "bounds"), [(path, value, bounds) for path, values, bounds in NUMBERS for value in values]
)
def test_a_number_out_of_bounds_is_refused_with_its_bounds(path: str, value: Any, bounds: tuple[str, ...]) -> None:
    error = refusal(path, value)
    assert error.startswith(f"{path}: must be a ")
    assert all(bound in error for bound in bounds)


def test_a_number_that_came_as_text_from_a_variable_is_taken() -> None:
    assert configured("agent.api.port", "9880").agent.api.port == 9880


@pytest.mark.parametrize("value", ["maybe", "no", "yes", "on", 1, 0, None, []])
def test_a_switch_is_true_or_false_and_nothing_else(value: Any) -> None:
    error = refusal("notifications.enabled", value)
    assert "true" in error
    assert "false" in error


@pytest.mark.parametrize(("value", "expected"), [(True, True), (False, False), ("true", True), ("false", False)])
def test_a_switch_is_taken_as_text_from_a_variable(value: Any, expected: bool) -> None:
    assert configured("notifications.dry_run", value).notifications.dry_run is expected


@pytest.mark.parametrize(
    ("value", "near"),
    [("urgent", ""), ("Medium", 'did you mean "medium"?'), ("hihg", 'did you mean "high"?'), (3, ""), (None, "")],
)
def test_an_unknown_choice_is_refused_with_all_choices(value: Any, near: str) -> None:
    error = refusal("notifications.settings.default_priority", value)
    assert "must be one of low, medium, high, critical" in error
    assert near in error


@pytest.mark.parametrize("value", [None, "build.*", {"a": 1}])
def test_a_list_is_asked_for_where_something_else_stands(value: Any) -> None:
    error = refusal("notifications.settings.quiet_hours.exceptions", value)
    assert "exceptions: must be a list" in error


@pytest.mark.parametrize(
    "path", ["notifications", "notifications.settings", "remote_control.confirmation", "monitoring.resources.cpu"]
)
@pytest.mark.parametrize("value", ["on", ["a"], 3, True])
def test_a_section_that_is_no_mapping_is_refused(path: str, value: Any) -> None:
    assert refusal(path, value).startswith(f"{path}: must be a mapping")


@pytest.mark.parametrize(
    "path",
    [
        "notification",
        "notifications.settings.dedupe_window_secs",
        "notifications.channels.slack.token",
        "monitoring.resources.cpu.thresholds.warn",
        "agent.api.bind",
    ],
)
def test_an_unknown_key_is_refused_where_it_stands(path: str) -> None:
    assert f"{path}: Extra inputs are not permitted" in refusal(path, 1)


# Text


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ("a\0b", "a NUL character"),
        ("a\nb", "a line break"),
        ("a\r\nb", "a line break"),
        ("a\u2028b", "a line break"),
        ("a\x85b", "a line break"),
        ("a\x1b[31m", "a control character"),
        ("a\x7f", "a control character"),
        ("a\ud800", "a control character"),
        ("naïve 日本 👩\u200d💻 \u202e", ""),
    ],
)
def test_what_keeps_a_text_from_being_one_line_is_named(text: str, flaw: str) -> None:
    assert flaw_in(text) == flaw


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "a\0", "x" * 201, 7, None, True])
def test_a_name_is_one_line_that_is_not_empty(name: Any) -> None:
    assert "reports.scheduled[0].name" in refusal("reports.scheduled", [{"name": name, "cron": "0 9 * * *"}])


def test_a_name_may_be_written_in_any_script() -> None:
    config = configured("reports.scheduled", [{"name": "毎日 \u202eübersicht", "cron": "0 9 * * *"}])
    assert config.reports.scheduled[0].name == "毎日 \u202eübersicht"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain", '"plain"'),
        ("a\u202eb", '"a\\u202eb"'),
        ("a\r\n", '"a\\r\\n"'),
        ("x" * 200, '"' + "x" * 80 + '…"'),
        (None, "null"),
        (True, "true"),
        (math.nan, ".nan"),
        (-math.inf, "-.inf"),
        (1.5, "1.5"),
        ([1], "a list"),
        ({}, "a mapping"),
    ],
)
def test_a_value_is_quoted_as_yaml_would_write_it_and_with_nothing_hidden(value: Any, expected: str) -> None:
    assert shown(value) == expected


@given(st.text())
def test_a_quoted_value_is_always_short_and_printable(text: str) -> None:
    assert shown(text).isprintable()
    assert len(shown(text)) <= 80 * len("\\U0010ffff") + 3


def test_a_suggestion_is_made_only_for_something_near() -> None:
    assert did_you_mean("STPO", ["STOP", "BUILD"]) == '; did you mean "STOP"?'
    assert did_you_mean("xyz", ["STOP", "BUILD"]) == ""


@pytest.mark.parametrize(
    "path", ["../../etc", "a/../../b", "/", "/proc/self", "/dev/null", "~/x", "", ".", "C:\\evil", "a\0b", "a\nb", 7]
)
def test_a_report_folder_outside_the_project_is_refused(path: Any) -> None:
    assert refusal("reports.storage.path", path).startswith("reports.storage.path: ")


@pytest.mark.parametrize(("path", "stored"), [(".buildnet/reports", ".buildnet/reports"), ("./out//r/", "out/r")])
def test_a_report_folder_inside_the_project_is_taken(path: str, stored: str) -> None:
    assert configured("reports.storage.path", path).reports.storage.path == stored


# Ids


@pytest.mark.parametrize(("value", "stored"), [("123456789", "123456789"), (123456789, "123456789")])
def test_an_id_written_as_a_number_is_kept_as_text(value: Any, stored: str) -> None:
    config = with_channels(telegram={"bot_token": "t", "allowed_users": [{"id": value}]})
    assert config.notifications.channels.telegram is not None
    assert config.notifications.channels.telegram.allowed_users[0].id == stored


@pytest.mark.parametrize("value", ["0123", "", "12a", "1 2", 83.0, True, None, "１２３", "12\n"])
def test_an_id_that_may_mean_somebody_else_is_refused(value: Any) -> None:
    error = refusal("notifications.channels.telegram", {"bot_token": "t", "allowed_users": [{"id": value}]})
    assert "allowed_users[0].id" in error


# Secrets


BAD_TOKENS = ["$(id)", "`id`", "a b", "a\nb", "a\r\nX: y", "tökén", 12345678, True, ["t"]]


@pytest.mark.parametrize("value", BAD_TOKENS)
def test_a_token_that_no_header_could_carry_is_refused_without_being_shown(value: Any) -> None:
    error = refusal("notifications.channels.slack.bot_token", value)
    assert error.startswith("notifications.channels.slack.bot_token: ")
    assert "tökén" not in error
    assert "12345678" not in error


def test_a_reference_left_inside_a_variable_is_a_literal_token() -> None:
    slack = configured("notifications.channels.slack.bot_token", "${BN_B}").notifications.channels.slack
    assert slack is not None
    assert slack.bot_token is not None
    assert slack.bot_token.get_secret_value() == "${BN_B}"


def test_a_password_may_hold_spaces_and_any_script_but_no_line_break() -> None:
    email = {"enabled": False, "smtp": {"password": "größe $(x) ` 日"}}
    assert with_channels(email=email).notifications.channels.email is not None
    assert "a line break" in refusal("notifications.channels.email.smtp.password", "a\nb")


def test_a_service_account_may_have_several_lines() -> None:
    push = {"firebase": {"project_id": "p", "credentials": '{\n  "type": "service_account"\n}'}}
    assert with_channels(push=push).notifications.enabled_channels() == ("push",)


def test_no_secret_is_shown_by_a_configuration_or_its_dumps() -> None:
    config = with_channels(
        slack={**SLACK, "signing_secret": "CANARY-1"},
        webhooks=[{"name": "x", "url": "https://h.test/CANARY-2", "headers": {"X-Key": "CANARY-3"}, "secret": "CANARY-4"}],
    )
    assert "CANARY" not in repr(config) + str(config.model_dump()) + config.model_dump_json()


# Patterns and permissions


@pytest.mark.parametrize("pattern", ["^build\\..*$", "fail*", "build.", "Build.failed", "", "a b", 3, None])
def test_a_text_that_is_no_pattern_is_refused_with_what_a_pattern_is(pattern: Any) -> None:
    error = refusal("notifications.settings.quiet_hours.exceptions", [pattern])
    assert "exceptions[0]: " in error
    assert not isinstance(pattern, str) or ("pattern" in error and "'*'" in error)


@pytest.mark.parametrize(
    ("word", "stored"),
    [
        ("*", "*"),
        ("status", "status"),
        ("STATUS", "status"),
        ("cache.clear", "cache.clear"),
        ("CACHE CLEAR", "cache.clear"),
        ("node.*", "node.*"),
        ("level:read", "level:read"),
        ("report", "report"),
    ],
)
def test_a_permission_is_a_command_a_group_or_a_level(word: str, stored: str) -> None:
    assert TypeAdapter(Permission).validate_python(word) == stored


@pytest.mark.parametrize(
    ("word", "near"), [("statsu", '"status"'), ("level:root", ""), ("build.*", ""), ("", ""), ("cache", "cache"), ("st*", "")]
)
def test_an_unknown_permission_is_refused(word: str, near: str) -> None:
    with pytest.raises(ValidationError, match="is no permission") as caught:
        TypeAdapter(Permission).validate_python(word)
    assert near in str(caught.value)
