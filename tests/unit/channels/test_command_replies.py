"""What a command came to, as Slack and Discord show it: within their limits, harmless, and with buttons for the asker alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.button import Button, read_button
from buildnet_cli.channels.discord import reply as discord
from buildnet_cli.channels.slack import reply as slack
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.sandbox.discord.form import refusal_of
from buildnet_cli.sandbox.slack.form import flaw_of

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
REQUEST = "req_01j9z8c3n4p5q6r7s8t9v0w1x2"
DONE = CommandResult("STATUS", CommandStatus.EXECUTED, REQUEST, NOW, {}, "running: building nothing, 0 waiting")
QUEUED = replace(DONE, command="BUILD api", status=CommandStatus.ACCEPTED, message="Build queued for package 'api'")
ASKED = replace(
    DONE,
    command="CACHE CLEAR",
    status=CommandStatus.CONFIRMATION_REQUIRED,
    message="CACHE CLEAR would remove 1,204 artifacts (4.2 MB). Nothing has run yet.",
    result={"code": "483920", "expires_at": "2026-03-04T12:05:00.000Z", "preview": {}},
)
ELSEWHERE = replace(ASKED, result={"expires_at": "2026-03-04T12:05:00.000Z"})
SLACK_WHO, DISCORD_WHO = "T0123456789/U0123456789", "200000000000000001"


def slack_buttons(body: dict[str, Any]) -> list[Button | None]:
    return [read_button(one["value"]) for block in body["blocks"] if block["type"] == "actions" for one in block["elements"]]


def discord_buttons(data: dict[str, Any]) -> list[Button | None]:
    return [read_button(one["custom_id"]) for row in data["components"] for one in row["components"]]


def test_slack_shows_an_answer_to_the_asker_and_what_goes_on_to_everybody() -> None:
    assert slack.response(DONE, SLACK_WHO)["response_type"] == "ephemeral"
    assert slack.response(ASKED, SLACK_WHO)["response_type"] == "ephemeral"
    assert slack.response(QUEUED, SLACK_WHO)["response_type"] == "in_channel"


def test_discord_shows_an_answer_to_the_asker_and_what_goes_on_to_everybody() -> None:
    assert discord.response(DONE, DISCORD_WHO, is_press=False)["data"]["flags"] == 64
    assert discord.response(ASKED, DISCORD_WHO, is_press=False)["data"]["flags"] == 64
    assert "flags" not in discord.response(QUEUED, DISCORD_WHO, is_press=False)["data"]


def test_a_question_has_buttons_that_only_its_asker_may_press() -> None:
    for buttons, who in (
        (slack_buttons(slack.message(ASKED, SLACK_WHO)), SLACK_WHO),
        (discord_buttons(discord.message(ASKED, DISCORD_WHO)), DISCORD_WHO),
    ):
        assert buttons == [Button("CONFIRM", REQUEST, who, "483920"), Button("CANCEL", REQUEST, who)]


def test_a_question_whose_code_goes_elsewhere_can_only_be_cancelled_by_a_button() -> None:
    for buttons, who in (
        (slack_buttons(slack.message(ELSEWHERE, SLACK_WHO)), SLACK_WHO),
        (discord_buttons(discord.message(ELSEWHERE, DISCORD_WHO)), DISCORD_WHO),
    ):
        assert buttons == [Button("CANCEL", REQUEST, who)]
    assert "/buildnet yes CODE" in str(slack.message(ELSEWHERE, SLACK_WHO))
    assert "/buildnet yes CODE" in str(discord.message(ELSEWHERE, DISCORD_WHO))


def test_a_question_says_what_to_send_and_until_when() -> None:
    moment = int(datetime(2026, 3, 4, 12, 5, tzinfo=UTC).timestamp())
    told = str(slack.message(ASKED, SLACK_WHO)["blocks"])
    assert "`/buildnet yes 483920`" in told
    assert f"<!date^{moment}^{{time}}|12:05 UTC>" in told
    assert f"`/buildnet yes 483920`. It expires <t:{moment}:R>." in discord.message(ASKED, DISCORD_WHO)["content"]


def test_the_answer_to_a_press_takes_the_place_of_the_question_and_has_no_buttons() -> None:
    replaced = slack.replacement(DONE, SLACK_WHO)
    assert replaced["replace_original"] is True
    assert slack_buttons(replaced) == []
    changed = discord.response(DONE, DISCORD_WHO, is_press=True)
    assert (changed["type"], changed["data"]["components"]) == (7, [])


@pytest.mark.parametrize(("is_press", "response"), [(False, {"type": 5, "data": {"flags": 64}}), (True, {"type": 6})])
def test_discord_is_told_that_the_answer_comes_later(is_press: bool, response: dict[str, Any]) -> None:
    assert discord.later(is_press=is_press) == response


def test_a_table_keeps_its_columns() -> None:
    table = replace(DONE, message="BUILD  Queue\nHELP   List")
    assert slack.message(table, SLACK_WHO)["blocks"][0]["text"]["text"] == "```\nBUILD  Queue\nHELP   List\n```"
    assert discord.message(table, DISCORD_WHO)["content"] == "```\nBUILD  Queue\nHELP   List\n```"


def test_a_hint_stands_below() -> None:
    failed = replace(DONE, status=CommandStatus.FAILED, message="there is no package ap1", hint="did you mean api?")
    assert [block["text"]["text"] for block in slack.message(failed, SLACK_WHO)["blocks"]] == [failed.message, failed.hint]
    assert discord.message(failed, DISCORD_WHO)["content"] == f"{failed.message}\n{failed.hint}"


def test_nobody_is_mentioned_by_what_a_command_repeats() -> None:
    evil = replace(DONE, message="<!channel> <@U1> @everyone `x`", hint="<https://evil.example|here>")
    shown = slack.message(evil, SLACK_WHO)
    assert "<" not in str(shown)
    data = discord.message(evil, DISCORD_WHO)
    assert data["allowed_mentions"] == {"parse": []}
    assert "@everyone" not in data["content"]


TEXTS = st.text(max_size=50) | st.sampled_from(["&", "`", "\n", "*", "x"]).map(lambda char: char * 5_000)


@given(TEXTS, TEXTS, TEXTS, st.sampled_from(list(CommandStatus)), st.sampled_from([DONE.result, ASKED.result, ELSEWHERE.result]))
def test_slack_and_discord_take_whatever_a_command_says(
    command: str, message: str, hint: str, status: CommandStatus, result: dict[str, Any]
) -> None:
    told = CommandResult(command, status, REQUEST, NOW, result, message, hint=hint)
    assert flaw_of(slack.response(told, SLACK_WHO)) is None
    assert refusal_of(discord.message(told, DISCORD_WHO)) is None
