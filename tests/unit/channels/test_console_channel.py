"""Messages on a terminal."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.console import ConsoleChannel, as_text
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.render import render
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, outgoing, rendered

HOSTILE = "\x1b[2J\x1b]0;owned\x07 \x9b31m \u202egnp.exe \r\b\x00"


def test_a_message_is_a_few_readable_lines() -> None:
    assert_golden("messages/console/build.failed-first.txt", as_text(render(SAMPLES["build.failed-first"])))


async def test_a_message_is_written_and_flushed() -> None:
    stream = io.StringIO()
    receipt = await ConsoleChannel(stream).send(outgoing(rendered("daemon.started", "", "ci-01"), "console:terminal"))
    assert stream.getvalue() == "12:00:00 BuildNet started on ci-01\n  BuildNet daemon started\n"
    assert receipt.detail == "printed"


@given(st.text(), st.text(), st.text(), st.text())
def test_nothing_in_a_message_acts_on_the_terminal(message: str, subject: str, value: str, tail: str) -> None:
    payload = {"host": value + HOSTILE, "error": {"headline": "x", "tail": tail}}
    text = as_text(rendered("build.failed", message + HOSTILE, subject, **payload))
    assert not set(text) & set("\x00\x07\x08\x0b\x0c\r\x1b\x7f\x85\x9b\u2028\u2029\u202a\u202e\u2066\u2069")


def test_colour_is_there_only_when_asked_for() -> None:
    message = render(SAMPLES["build.failed-first"])
    assert "\x1b" not in as_text(message)
    assert as_text(message, color=True).startswith("12:00:00 \x1b[1;31mapi FAILED (1st after 14 ok)\x1b[0m\n")


async def test_a_terminal_that_knows_no_unicode_still_gets_the_message() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    await ConsoleChannel(stream).send(outgoing(rendered("custom.x", "déjà vu"), "console:terminal"))
    assert rb"d\xe9j\xe0 vu" in raw.getvalue()


async def test_a_closed_terminal_is_a_final_refusal() -> None:
    stream = io.StringIO()
    stream.close()
    with pytest.raises(ChannelError, match="terminal is closed") as caught:
        await ConsoleChannel(stream).send(outgoing(rendered("custom.x"), "console:terminal"))
    assert caught.value.outcome is Outcome.PERMANENT
