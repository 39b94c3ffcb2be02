"""Discord's form: within its limits, and every text stays a text."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, settings

from buildnet_cli.channels.body import json_bytes
from buildnet_cli.channels.discord import embed
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render, updated
from buildnet_cli.sandbox.discord.form import refusal_of
from tests.support.golden import assert_golden
from tests.support.hostile import MESSAGES
from tests.support.messages import SAMPLES


@pytest.mark.parametrize("name", SAMPLES)
def test_a_message_looks_as_agreed(name: str) -> None:
    body = embed.body(render(SAMPLES[name]))
    assert_golden(f"messages/discord/{name}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def test_an_older_state_is_struck_through_below_the_present_one() -> None:
    message = updated(render(SAMPLES["build.failed-first"]), render(SAMPLES["build.completed-fixed"]))
    body = embed.body(message)
    assert_golden("messages/discord/updated.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")
    assert body["embeds"][0]["description"].startswith("~~api FAILED \\(1st after 14 ok\\)~~\nTS2345")


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_discord_gets_nothing_that_it_would_refuse(message: Message) -> None:
    body = embed.body(message)
    (card,) = body["embeds"]
    lengths = [len(card["title"]), len(card["description"]), len(card["footer"]["text"])]
    lengths += [len(field[part]) for field in card["fields"] for part in ("name", "value")]
    assert len(card["title"]) <= 256
    assert len(card["description"]) <= 4096
    assert len(card["fields"]) <= 25
    assert all(0 < len(field["name"]) <= 256 and 0 < len(field["value"]) <= 1024 for field in card["fields"])
    assert sum(lengths) <= 6000
    assert refusal_of(body) is None
    json.loads(json_bytes(body))


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_no_text_pings_anybody_or_becomes_markup(message: Message) -> None:
    body = embed.body(message)
    (card,) = body["embeds"]
    assert body["allowed_mentions"] == {"parse": []}
    described = card["description"].partition("\n```\n")[0]
    if message.was:
        struck, _, described = described.partition("\n")
        assert struck[:2] == struck[-2:] == "~~"
        described = struck[2:-2] + described
    for text in [card["title"], described, *(field[part] for field in card["fields"] for part in ("name", "value"))]:
        assert not re.search(r"@(?:everyone|here|[&!]?\d)", text)
        assert not re.search(r"(?<!\\)[*_~`|<\[]", text.replace("\\\\", ""))
    assert card["description"].count("```") in (0, 2)
