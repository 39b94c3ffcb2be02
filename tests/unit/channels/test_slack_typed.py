"""Slack's wrapping and typographic characters are undone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.slack.typed import typed, without_mention


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("  status ", "status"),
        ("build <http://api.example|api.example>", "build api.example"),
        ("build <https://api.example>", "build https://api.example"),
        ("mute <mailto:dana@example.com|dana@example.com>", "mute dana@example.com"),
        ("ask <@U123>", "ask @U123"),
        ("ask <@U123|dana>", "ask @dana"),
        ("in <#C123|builds>", "in #builds"),
        ("in <#C123>", "in #C123"),
        ("<!here> <!subteam^S1|@ops>", "@here @ops"),
        ("a &lt;b&gt; &amp;lt;", "a <b> &lt;"),
        ("\u201capi\u201d \u2018ui\u2019", "\"api\" 'ui'"),
        ("build api \u2014force", "build api --force"),
        ("a\u2014b \u2014 c", "a\u2014b \u2014 c"),
        ("a < b > c <", "a  b  c <"),
        ("build\u00a0api", "build api"),
    ],
)
def test_text_is_as_it_was_typed(text: str, meant: str) -> None:
    assert typed(text) == meant


@pytest.mark.parametrize(
    ("text", "rest"),
    [
        ("<@U0BOT> status", "status"),
        (" <@U0BOT|bot>: status", "status"),
        ("<@U0BOT>", ""),
        ("ask <@U0BOT>", "ask <@U0BOT>"),
        ("<@U0BOT> <@U1> x", "<@U1> x"),
    ],
)
def test_only_the_mention_at_the_beginning_goes(text: str, rest: str) -> None:
    assert without_mention(text) == rest


@given(st.text(alphabet="abc -/.\n", max_size=60))
def test_plain_words_stay_as_they_are(text: str) -> None:
    assert typed(text) == text.strip()


@given(st.text())
def test_any_text_is_read(text: str) -> None:
    assert typed(without_mention(text)) == typed(without_mention(text)).strip()
