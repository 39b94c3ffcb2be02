"""The body of a webhook's request, by format."""

from __future__ import annotations

import json

import pytest

from buildnet_cli.channels.discord import embed
from buildnet_cli.channels.slack import blocks
from buildnet_cli.channels.webhook import payload
from buildnet_cli.messages.render import render
from tests.support.golden import assert_golden
from tests.support.messages import SAMPLES, event


@pytest.mark.parametrize("name", ["build.failed-first", "build.completed-fixed", "resource.disk.low", "custom.deploy.done"])
def test_the_json_form_looks_as_agreed(name: str) -> None:
    body = json.loads(payload.built_in(render(SAMPLES[name]), "json"))
    assert_golden(f"messages/json/{name}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


def test_the_json_form_is_the_event_exactly() -> None:
    sample = SAMPLES["build.failed-first"]
    assert json.loads(payload.built_in(render(sample), "json")) == sample.as_wire()


def test_a_chats_webhook_gets_what_its_bot_would_post() -> None:
    message = render(SAMPLES["build.failed-first"])
    assert json.loads(payload.built_in(message, "slack")) == blocks.body(message)
    assert json.loads(payload.built_in(message, "discord")) == embed.body(message)


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
