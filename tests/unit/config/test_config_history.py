"""What a kept version is compared by."""

from __future__ import annotations

from buildnet_cli.config.history import diff


def test_a_difference_is_shown_with_its_neighbours() -> None:
    before, after = "a: 1\nb: 2\nc: 3\nd: 4\ne: 5\n", "a: 1\nb: 2\nc: 3\nd: 5\ne: 5\n"
    assert diff(before, after, before_name="1", after_name="2") == (
        "--- 1\n+++ 2\n@@ -2,4 +2,4 @@\n b: 2\n c: 3\n-d: 4\n+d: 5\n e: 5\n"
    )


def test_no_difference_is_nothing() -> None:
    assert diff("a: 1\n", "a: 1\n") == ""


def test_a_changed_secret_is_seen_to_change_but_not_read() -> None:
    shown = diff("slack:\n  bot_token: zq-old\n", "slack:\n  bot_token: zq-new\n")
    assert "-  bot_token: ***\n+  bot_token: ***\n" in shown
    assert "zq" not in shown
