"""Telegram's form: within its limits, every tag closed, and every text stays a text."""

from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.telegram import form
from buildnet_cli.messages.model import Field, Message
from buildnet_cli.messages.render import render, updated
from buildnet_cli.sandbox.telegram_markup import parse_html
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event

HOSTILE = (
    '<b>bold</b> </pre> <a href="tg://user?id=1">x</a> @everyone &amp; &#64;x &nbsp; "q" \x1b[2J \u202e\x00 <!channel> /stop'
)
TEXT = st.text(max_size=300) | st.sampled_from([HOSTILE, "&<>" * 700, "x" * 5000, "\n" * 400, "😀" * 3000, "</pre>\n" * 300])
MESSAGES = st.builds(
    Message,
    event=st.builds(event, st.just("custom.x"), TEXT, TEXT),
    title=TEXT,
    line=TEXT,
    fields=st.lists(st.builds(Field, TEXT, TEXT, st.booleans()), max_size=30).map(tuple),
    code=TEXT,
    actions=st.lists(TEXT, max_size=4).map(tuple),
    is_test=st.booleans(),
    was=TEXT,
)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_looks_as_agreed(name: str) -> None:
    (part,) = form.parts(render(SAMPLES[name]))
    assert_golden(f"messages/telegram/{name}.html", f"{part}\n")


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_telegram_gets_nothing_that_it_would_refuse(message: Message) -> None:
    parts = form.parts(message)
    assert 0 < len(parts) <= 8
    for part in parts:
        parsed = parse_html(part)  # raises where Telegram would
        assert form.units(part) <= 4096
        assert parsed.text.strip()


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_no_text_becomes_markup_or_a_mention(message: Message) -> None:
    for part in form.parts(message):
        parsed = parse_html(part)
        assert {entity["type"] for entity in parsed.entities} <= {"bold", "strikethrough", "italic", "code", "pre"}
        assert not {"\x1b", "\x00", "\u202e"} & set(part)
        assert form.plain(part) == parsed.text


def test_a_text_is_read_as_it_was_written() -> None:
    (part,) = form.parts(Message(event("custom.x"), "a < b & c", '"quoted" <i> &lt;', code="x</pre>\n  if a && b"))
    assert parse_html(part).text.startswith('a < b & c\n"quoted" <i> &lt;\nx</pre>\n  if a && b\n')


def test_a_mention_calls_nobody_and_an_address_stays_whole() -> None:
    (part,) = form.parts(Message(event("custom.x"), "@dana (@admin)", "mail dev@example.com"))
    assert "@dana" not in part
    assert "@\u200bdana (@\u200badmin)" in part
    assert "dev@example.com" in part


def test_a_long_log_is_split_at_its_lines_and_each_part_closes_what_it_opens() -> None:
    log = "\n".join(f"line {number} {'😀' * 100}" for number in range(25))
    parts = form.parts(Message(event("custom.x"), "api FAILED", "it broke", code=log))
    assert len(parts) == 2
    assert [part.count("<pre>") for part in parts] == [part.count("</pre>") for part in parts] == [1, 1]
    assert parts[0].endswith("\n(1/2)")
    assert parts[1].startswith("<pre>line ")
    assert "line 24 " in parts[1]


def test_the_end_of_a_log_matters_most() -> None:
    parts = form.parts(Message(event("custom.x"), "api FAILED", "it broke", code="x" * 9000 + "\nthe end"))
    assert "the end" in parts[-1]
    assert "…" in parts[-1]


def test_an_older_state_is_shown_struck_through() -> None:
    first, latest = render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"])
    title = form.parts(updated(first, latest))[0].splitlines()[0]
    assert title == "<b>api FIXED after 3 failures</b> <s>api FAILED (1st after 14 ok)</s>"


def test_a_message_without_any_words_still_says_something() -> None:
    (part,) = form.parts(dataclasses.replace(render(SAMPLES["unknown"]), title="\x00", line=" "))
    assert part.startswith("<b>-</b>\n")
