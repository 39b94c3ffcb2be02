"""Slack's form: within its limits, and every text stays a text."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.slack import blocks
from buildnet_cli.messages.model import Message, Tone
from buildnet_cli.messages.render import render, updated
from buildnet_cli.sandbox.slack.form import flaw_of
from tests.support.golden import assert_golden
from tests.support.hostile import MESSAGES
from tests.support.messages import SAMPLES

_DATE = r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[0-9: -]+UTC>"


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_looks_as_agreed(name: str) -> None:
    body = blocks.body(render(SAMPLES[name]))
    assert_golden(f"messages/slack/{name}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def test_an_older_state_is_struck_through_below_the_present_one() -> None:
    message = updated(render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"]))
    body = blocks.body(message)
    assert_golden("messages/slack/updated.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    assert body["attachments"][0]["blocks"][0]["text"]["text"] == "~api FAILED (1st after 14 ok)~"
    assert body["text"].startswith("api FIXED after 3 failures (was: api FAILED (1st after 14 ok))\n")


@pytest.mark.parametrize(
    ("tone", "colour"),
    [(Tone.GOOD, "#2E7D32"), (Tone.NEUTRAL, "#546E7A"), (Tone.WARNING, "#EF6C00"), (Tone.PROBLEM, "#C62828")],
)
def test_the_bar_has_the_colour_of_the_tone(tone: Tone, colour: str) -> None:
    message = replace(render(SAMPLES["unknown"]), tone=tone)
    assert blocks.body(message)["attachments"][0]["color"] == colour


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_slack_gets_nothing_that_it_would_refuse(message: Message) -> None:
    body = blocks.body(message)
    found = all_blocks(body)
    texts = [part["text"] for block in found for part in texts_of(block)]
    assert len(body["text"]) <= 4000
    assert 0 < len(body["blocks"][0]["text"]["text"]) <= 150
    assert len(found) <= 50
    assert all(0 < len(text) <= 3000 for text in texts)
    assert all(len(block.get("fields", [])) <= 10 for block in found)
    assert all(len(part["text"]) <= 2000 for block in found for part in block.get("fields", []))
    assert sum(map(len, texts)) < 13_000
    assert flaw_of(body) is None
    json.loads(json_bytes(body))


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_no_text_becomes_markup(message: Message) -> None:
    body = blocks.body(message)
    marked = [part["text"] for block in all_blocks(body) for part in texts_of(block) if part["type"] == "mrkdwn"]
    for text in [body["text"], body["attachments"][0]["fallback"], *marked]:
        plain = re.sub(_DATE, "", text)
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", plain)
        assert text.count("```") in (0, 2)
        assert "\x1b" not in text
    if message.was:
        assert body["attachments"][0]["blocks"][0]["text"]["text"].count("~") == 2


@settings(deadline=None)
@given(MESSAGES)
def test_the_plain_text_is_short_and_has_the_headline(message: Message) -> None:
    text = blocks.plain_text(message)
    assert len(text) <= 1000
    assert not re.search(r"[<>]", text)


def all_blocks(body: dict[str, Any]) -> list[dict[str, Any]]:
    return [*body["blocks"], *(block for attachment in body["attachments"] for block in attachment["blocks"])]


def texts_of(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in [block.get("text"), *block.get("fields", []), *block.get("elements", [])] if part]
