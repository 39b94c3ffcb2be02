"""Slack's and Discord's forms: within their limits, and every text stays a text."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.discord import embed as discord
from buildnet_cli.channels.slack import blocks as slack
from buildnet_cli.channels.webhook import payload
from buildnet_cli.messages.model import Field, Message, Tone
from buildnet_cli.messages.render import render
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event

HOSTILE = "<!channel> <@U123> <https://evil.example|x> @everyone @here <@&42> &amp; ``` `x` **bold** [a](b) \x1b[2J \u202e\x00"

TEXT = st.text(max_size=300) | st.sampled_from([HOSTILE, "&<>" * 2000, "`" * 5000, "x" * 10_000, "\n" * 400, "😀" * 3000])
MESSAGES = st.builds(
    Message,
    event=st.builds(event, st.just("custom.x"), TEXT, TEXT),
    title=TEXT,
    line=TEXT,
    fields=st.lists(st.builds(Field, TEXT, TEXT, st.booleans()), max_size=30).map(tuple),
    code=TEXT,
    actions=st.lists(TEXT, max_size=4).map(tuple),
    is_test=st.booleans(),
    tone=st.sampled_from(Tone),
)


@pytest.mark.parametrize("form", ["json", "slack", "discord"])
@pytest.mark.parametrize("name", ["build.failed-first", "build.completed-fixed", "resource.disk.low", "custom.deploy.done"])
def test_a_form_looks_as_agreed(form: str, name: str) -> None:
    body = json.loads(payload.built_in(render(SAMPLES[name]), form))
    assert_golden(f"messages/{form}/{name}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def test_the_json_form_is_the_event_exactly() -> None:
    sample = SAMPLES["build.failed-first"]
    assert json.loads(payload.built_in(render(sample), "json")) == sample.as_wire()


@settings(max_examples=150)
@given(MESSAGES)
def test_slack_gets_nothing_that_it_would_refuse(message: Message) -> None:
    body = slack.body(message)
    texts = [part["text"] for block in body["blocks"] for part in _texts(block)]
    assert len(body["text"]) <= 4000
    assert 0 < len(body["blocks"][0]["text"]["text"]) <= 150
    assert len(body["blocks"]) <= 50
    assert all(0 < len(text) <= 3000 for text in texts)
    assert all(len(block.get("fields", [])) <= 10 for block in body["blocks"])
    assert sum(map(len, texts)) < 13_000
    json.loads(payload.built_in(message, "slack"))


@settings(max_examples=150)
@given(MESSAGES)
def test_in_slack_no_text_becomes_markup(message: Message) -> None:
    body = slack.body(message)
    marked = [part["text"] for block in body["blocks"] for part in _texts(block) if part["type"] == "mrkdwn"]
    for text in [body["text"], *marked]:
        plain = re.sub(r"<!date\^\d+\^\{date_short_pretty\} \{time\}\|[0-9: -]+UTC>", "", text)
        assert not re.search(r"[<>]|&(?!amp;|lt;|gt;)", plain)
        assert text.count("```") in (0, 2)
        assert "\x1b" not in text


@settings(max_examples=150)
@given(MESSAGES)
def test_discord_gets_nothing_that_it_would_refuse(message: Message) -> None:
    (embed,) = discord.body(message)["embeds"]
    lengths = [len(embed["title"]), len(embed["description"]), len(embed["footer"]["text"])]
    lengths += [len(field[part]) for field in embed["fields"] for part in ("name", "value")]
    assert len(embed["title"]) <= 256
    assert len(embed["description"]) <= 4096
    assert len(embed["fields"]) <= 25
    assert all(0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024 for field in embed["fields"])
    assert sum(lengths) <= 6000
    json.loads(payload.built_in(message, "discord"))


@settings(max_examples=150)
@given(MESSAGES)
def test_in_discord_no_text_pings_anybody_or_becomes_markup(message: Message) -> None:
    body = discord.body(message)
    (embed,) = body["embeds"]
    assert body["allowed_mentions"] == {"parse": []}
    described = embed["description"].partition("\n```\n")[0]
    for text in [embed["title"], described, *(field[part] for field in embed["fields"] for part in ("name", "value"))]:
        assert not re.search(r"@(?:everyone|here|[&!]?\d)", text)
        assert not re.search(r"(?<!\\)[*_~`|<\[]", text.replace("\\\\", ""))
    assert embed["description"].count("```") in (0, 2)


@pytest.mark.parametrize(
    ("content_type", "expected"),
    [
        ("application/json", True),
        ("Application/JSON; charset=utf-8", True),
        ("application/problem+json", True),
        ("text/plain", False),
        ("application/x-www-form-urlencoded", False),
        ("", False),
    ],
)
def test_json_is_told_from_other_content(content_type: str, expected: bool) -> None:
    assert payload.is_json(content_type) is expected


def test_half_a_character_does_not_stop_a_message() -> None:
    assert b"bad?name" in payload.built_in(render(event("custom.x", "bad\udcffname")), "json")


def _texts(block: dict[str, Any]) -> list[dict[str, Any]]:
    return [part for part in [block.get("text"), *block.get("fields", []), *block.get("elements", [])] if part]
