"""Cutting text to a limit, and taking the teeth out of control characters."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.messages.fit import drop_unsafe, fit, fit_tail, make_visible

ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(char: str) -> str:
    return ENTITIES.get(char, char)


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("ab cd", 4, "ab…"),
        ("", 0, ""),
        ("abc", 0, ""),
        ("abc", 1, "…"),
        ("<<<", 12, "&lt;&lt;&lt;"),
        ("<<<", 11, "&lt;&lt;…"),
        ("<<<", 8, "&lt;…"),
    ],
)
def test_text_is_cut_at_the_limit(text: str, limit: int, expected: str) -> None:
    assert fit(text, limit, escape) == expected


@given(st.text(alphabet="<>&ab \n", max_size=60), st.integers(0, 80))
def test_no_escape_is_ever_cut_in_two(text: str, limit: int) -> None:
    fitted = fit(text, limit, escape)
    assert len(fitted) <= limit
    assert text.startswith(html.unescape(fitted).removesuffix("…"))
    assert "&" not in fitted.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "")


@given(st.text(alphabet="<>&ab \n", max_size=60), st.integers(0, 80))
def test_a_log_keeps_its_end(text: str, limit: int) -> None:
    fitted = fit_tail(text, limit, escape)
    assert len(fitted) <= limit
    assert text.endswith(html.unescape(fitted).removeprefix("…"))


@given(st.text())
def test_made_visible_nothing_acts_on_a_terminal(text: str) -> None:
    visible = make_visible(text)
    assert all(char in "\n\t" or char.isprintable() or ord(char) > 0x2FFF or not char.isascii() for char in visible)
    assert not set(visible) & set("\x00\x07\x08\x1b\r\x7f\x9b\u202e\u2066\u2028")


def test_made_visible_the_character_can_still_be_recognised() -> None:
    assert make_visible("a\x1b[2J\u202eb\tc\n") == "a\\x1b[2J\\u202eb\tc\n"


def test_in_a_chat_they_are_left_out() -> None:
    assert drop_unsafe("a\x1b[2J\u202eb\tc\n\ud800") == "a[2Jb\tc\n"
