"""Changing text: only what was asked for changes, and everything else stays as it was written."""

from __future__ import annotations

import difflib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.config.document import read_document
from buildnet_cli.config.origin import parse_key
from buildnet_cli.config.problems import InvalidConfigError, Page
from buildnet_cli.config.rewrite import read_value, with_patch, with_value
from buildnet_cli.errors import UsageError

TEXT = """\
# Ours. Do not touch before asking.

notifications:
  enabled: true   # for now

  settings:
    # Seconds.
    dedup_window_secs: 300
    quiet_hours:
      start: '22:00'
      exceptions: ["*.critical", "daemon.error"]  # always

  channels:
    slack:
      bot_token: "${SLACK_BOT_TOKEN}"
      channels:
        - id: C0123456789
          events: [build.*]
        - id: C0987654321   # the loud one

    # Where the numbers go.
    webhooks:
      - name: Numbers
        url: https://h.test/
        auth:
          token: literal-token
      - name: Other
        url: https://o.test/

# The end.
reports: {}
"""


def set_key(key: str, typed: str, text: str = TEXT) -> str:
    return with_value(text, parse_key(key), read_value(typed), "f.yaml")


def changed_lines(before: str, after: str) -> list[str]:
    lines = difflib.ndiff(before.splitlines(), after.splitlines())
    return [line for line in lines if line[:2] in ("- ", "+ ")]


def plain(text: str) -> Any:
    read = read_document(text, Page("f", text))
    assert not read.problems
    assert read.root is not None
    return read.root.plain()


@pytest.mark.parametrize(
    ("key", "typed", "lines"),
    [
        (
            "notifications.settings.dedup_window_secs",
            "120",
            ["-     dedup_window_secs: 300", "+     dedup_window_secs: 120"],
        ),
        ("notifications.enabled", "false", ["-   enabled: true   # for now", "+   enabled: false  # for now"]),
        ("notifications.settings.quiet_hours.start", "23:00", ["-       start: '22:00'", "+       start: '23:00'"]),
        ("notifications.settings.quiet_hours.end", "08:00", ['+       end: "08:00"']),
        ("notifications.channels.webhooks[1].url", "https://n.test/", None),
        ("notifications.channels.slack.default_channel", "#builds", ['+       default_channel: "#builds"']),
        ("notifications.channels.slack.channels[1].events", "['*.failed']", ['+           events: ["*.failed"]']),
        ("reports.timezone", "Europe/Berlin", None),
        ("storage.retention_days.events", "30", ["+ storage:", "+   retention_days:", "+     events: 30"]),
        ("notifications.channels.webhooks[1].template", "a\n  b", None),
    ],
)
def test_setting_a_key_changes_its_line_alone(key: str, typed: str, lines: list[str] | None) -> None:
    after = set_key(key, typed)
    removed = [line for line in changed_lines(TEXT, after) if line.startswith("- ")]
    assert len(removed) <= 1
    if lines is not None:
        assert changed_lines(TEXT, after) == lines
    value = plain(after)
    for part in parse_key(key):
        value = value[part]
    assert value == read_value(typed)


@pytest.mark.parametrize(
    ("key", "typed"),
    [
        ("notifications.channels.slack.channels", "[]"),
        ("notifications.channels.slack.channels[2]", "{id: C1111111111}"),
        ("notifications.channels.slack", "{enabled: false}"),
        ("notifications.channels.webhooks", "[{name: x, url: 'https://x.test/'}]"),
        ("notifications.settings.quiet_hours", "{start: '01:00', end: '02:00'}"),
        ("notifications.channels", "{}"),
    ],
)
def test_a_comment_stays_before_what_it_speaks_of_when_what_stood_above_it_goes(key: str, typed: str) -> None:
    lines = set_key(key, typed).splitlines()
    assert lines[lines.index("# The end.") + 1] == "reports: {}"
    if "webhooks" not in key and key != "notifications.channels":
        assert lines[lines.index("    # Where the numbers go.") + 1] == "    webhooks:"
    assert "    # Seconds." in lines


@pytest.mark.parametrize("typed", ["[]", "{batch_max: 5}", "x"])
def test_a_comment_inside_a_section_goes_with_it(typed: str) -> None:
    after = set_key("notifications.settings", typed)
    assert "# Seconds." not in after
    assert plain(after)["notifications"]["settings"] == read_value(typed)


def test_a_patch_removes_what_is_null_and_keeps_the_comments_of_its_neighbours() -> None:
    after = with_patch(TEXT, {"notifications": {"channels": {"slack": None}, "enabled": None}}, "f.yaml")
    assert "slack" not in plain(after)["notifications"]["channels"]
    assert "enabled" not in plain(after)["notifications"]
    assert "# Ours." in after
    assert "# Seconds." in after
    assert "    # Where the numbers go.\n    webhooks:\n" in after


def test_a_patch_goes_into_sections_and_replaces_lists() -> None:
    patch = {"notifications": {"settings": {"quiet_hours": {"exceptions": ["build.failed"]}, "batch_max": 5}}, "new": {"a": 1}}
    expected = plain(TEXT)
    expected["notifications"]["settings"]["quiet_hours"]["exceptions"] = ["build.failed"]
    expected["notifications"]["settings"]["batch_max"] = 5
    expected["new"] = {"a": 1}
    assert plain(with_patch(TEXT, patch, "f.yaml")) == expected


def test_a_patch_that_changes_nothing_changes_no_character() -> None:
    assert with_patch(TEXT, {}, "f.yaml") == TEXT
    assert with_patch(TEXT, {"reports": {}, "absent": None}, "f.yaml") == TEXT


def test_asterisks_keep_the_secret_that_is_there() -> None:
    assert set_key("notifications.channels.webhooks[0].auth.token", "***") == TEXT
    patch = {"notifications": {"channels": {"slack": {"bot_token": "***", "mode": "http"}}}}
    assert plain(with_patch(TEXT, patch, "f.yaml"))["notifications"]["channels"]["slack"]["bot_token"] == "${SLACK_BOT_TOKEN}"


def test_asterisks_in_a_list_keep_the_secret_of_the_entry_with_the_same_name() -> None:
    webhooks = [
        {"name": "Other", "url": "https://o.test/"},
        {"name": "Numbers", "url": "https://h.test/", "auth": {"token": "***"}},
    ]
    after = plain(with_patch(TEXT, {"notifications": {"channels": {"webhooks": webhooks}}}, "f.yaml"))
    assert after["notifications"]["channels"]["webhooks"][1]["auth"]["token"] == "literal-token"


def test_asterisks_never_move_a_secret_to_another_entry() -> None:
    webhooks = [{"name": "Mallory", "url": "https://m.test/", "auth": {"token": "***"}}]
    with pytest.raises(UsageError, match=r"webhooks\[0\].auth.token has no value yet"):
        with_patch(TEXT, {"notifications": {"channels": {"webhooks": webhooks}}}, "f.yaml")


def test_asterisks_where_nothing_is_are_refused() -> None:
    with pytest.raises(UsageError, match="has no value yet"):
        set_key("notifications.channels.slack.app_token", "***")


@pytest.mark.parametrize(
    "word", ["no", "On", "null", "~", "true", "0123", "12", "1e3", "22:00", "2024-01-01", "+491", "- a", "", " x", "a: b"]
)
def test_text_that_yaml_would_take_for_something_else_is_written_in_quotes(word: str) -> None:
    after = with_patch(TEXT, {"new": {"value": word}}, "f.yaml")
    assert plain(after)["new"]["value"] == word


def test_a_file_of_nothing_but_comments_keeps_them() -> None:
    assert set_key("notifications.enabled", "false", "# Mine.") == "# Mine.\nnotifications:\n  enabled: false\n"
    assert set_key("notifications.enabled", "false", "") == "notifications:\n  enabled: false\n"


def test_lists_that_are_not_indented_stay_so() -> None:
    text = "a:\n- b\n- c # see\n# tail\nd: 0x1F\n"
    assert set_key("a[2]", "e", text) == "a:\n- b\n- c # see\n- e\n# tail\nd: 0x1F\n"


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("notifications.channels.webhooks[9].url", "has 2 entries, counted from 0"),
        ("notifications.channels.webhooks.url", "has 2 entries, counted from 0"),
        ("notifications[0]", "is no list"),
    ],
)
def test_a_key_that_leads_nowhere_is_refused(key: str, why: str) -> None:
    with pytest.raises(UsageError, match=why):
        set_key(key, "x")


def test_a_file_that_is_no_yaml_is_not_edited() -> None:
    with pytest.raises(InvalidConfigError, match="never closed"):
        set_key("a", "1", 'a: "b\n')


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("300", 300),
        ("true", True),
        ("#builds", "#builds"),
        ("*.failed", "*.failed"),
        ("22:00", "22:00"),
        ("", ""),
        ("[a, b]", ["a", "b"]),
        ("{a: 1}", {"a": 1}),
        ("a: b: c", "a: b: c"),
        ("@x", "@x"),
        ("0123", "0123"),
        ("null", None),
    ],
)
def test_a_typed_value_is_yaml_or_else_text(typed: str, value: Any) -> None:
    assert read_value(typed) == value


WRITABLE = st.characters(codec="utf-8", exclude_characters="\0")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**40), 2**40) | st.text(WRITABLE, max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.from_regex("[a-z_]{1,8}", fullmatch=True), below, max_size=3),
    max_leaves=8,
)


def test_a_nul_character_is_not_written() -> None:
    with pytest.raises(InvalidConfigError, match="NUL"):
        with_patch(TEXT, {"new": "a\0b"}, "f.yaml")


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386, section 2, as it stands there."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["notifications", "reports", "new", "no", "<<"]), JSON, max_size=3))
def test_any_patch_gives_what_the_rfc_says(patch: dict[str, Any]) -> None:
    after = with_patch(TEXT, patch, "f.yaml")
    assert plain(after) == merged(plain(TEXT), patch)
