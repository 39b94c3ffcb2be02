"""What comes in from Slack: only what Slack signed is read, and it says who asks for what, and where the answer goes."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.channels.button import Button
from buildnet_cli.channels.incoming import Asked, Immediate
from buildnet_cli.channels.slack.inbound import SlackInbound
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox.slack import sender
from buildnet_cli.sandbox.slack.sender import SIGNING_SECRET

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)


def app(**options: str) -> SlackInbound:
    return SlackInbound(Slack.model_validate({"bot_token": "xoxb-1", "signing_secret": SIGNING_SECRET, **options}))


SLACK = app(team_id="T1DC2JH3J")
READERS = (SLACK.read_command, SLACK.read_event, SLACK.read_press)
WHO = "T1DC2JH3J/U2CERLKJA"
REQUEST = "req_01j9z8c3n4p5q6r7s8t9v0w1x2"


def signed(body: bytes) -> dict[str, str]:
    return sender.signed(body, NOW, False)


def command(by: SlackInbound = SLACK, **fields: str) -> Asked | Immediate:
    given = {"team_id": "T1DC2JH3J", "user_id": "U2CERLKJA", "channel_id": "C0123456789", "trigger_id": "1.2.a", "text": "status"}
    body = urlencode({**given, **fields}).encode()
    return by.read_command(signed(body), body, NOW)


def event(envelope: dict[str, Any] | None = None, **fields: Any) -> Asked | Immediate | None:
    said = {
        "type": "app_mention",
        "user": "U2CERLKJA",
        "channel": "C0123456789",
        "ts": "1700000000.000100",
        "text": "<@U0BOT> status",
    }
    whole = {"type": "event_callback", "team_id": "T1DC2JH3J", "event_id": "Ev1", "event": {**said, **fields}, **(envelope or {})}
    body = json.dumps(whole).encode()
    return SLACK.read_event(signed(body), body, NOW)


def press(value: str, **fields: Any) -> Asked | None:
    given = {
        "type": "block_actions",
        "team": {"id": "T1DC2JH3J"},
        "user": {"id": "U2CERLKJA", "username": "roadrunner"},
        "channel": {"id": "C0123456789"},
        "trigger_id": "3.4.b",
        "response_url": "https://hooks.slack.com/actions/T1/2/x",
        "actions": [{"action_id": "answer", "value": value}],
    }
    body = urlencode({"payload": json.dumps({**given, **fields})}).encode()
    return SLACK.read_press(signed(body), body, NOW)


def asked(found: Asked | Immediate | None) -> Inbound:
    assert isinstance(found, Asked)
    return found.inbound


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
)


@given(
    reader=st.sampled_from(READERS),
    body=st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(
        lambda kind, parts: json.dumps({"type": kind, **parts}).encode(),
        st.sampled_from(["event_callback", "url_verification"]),
        st.dictionaries(st.sampled_from(["event", "team_id", "authorizations", "challenge", "event_id"]), JSON),
    )
    | st.builds(
        lambda parts: urlencode({"payload": json.dumps({"type": "block_actions", **parts})}).encode(),
        st.dictionaries(st.sampled_from(["team", "user", "channel", "actions", "response_url"]), JSON),
    )
    | st.dictionaries(st.sampled_from(["team_id", "user_id", "channel_id", "text", "payload", "ssl_check"]), st.text()).map(
        lambda form: urlencode(form, errors="replace").encode()
    ),
)
def test_whatever_slack_signs_is_read_or_refused(reader: Any, body: bytes) -> None:
    with contextlib.suppress(ForgedError, UsageError):
        reader(signed(body), body, NOW)


def test_deep_json_is_refused() -> None:
    body = b'{"a":' * 100_000
    with pytest.raises(UsageError):
        SLACK.read_event(signed(body), body, NOW)


def test_a_check_of_the_certificate_gets_an_empty_answer() -> None:
    body = b"ssl_check=1&token=x"
    assert SLACK.read_command(signed(body), body, NOW) == Immediate()


def test_a_slash_command_is_read_as_it_was_typed() -> None:
    assert asked(command(text="build \u201capi\u201d \u2014force")).text == 'build "api" --force'


@pytest.mark.parametrize("fields", [{"team_id": "T0OTHER"}, {"team_id": ""}])
def test_another_workspace_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(ForgedError):
        command(**fields)


def test_without_a_configured_workspace_any_is_taken_and_is_part_of_who_asks() -> None:
    assert asked(command(app(), team_id="T0OTHER")).identifier == "T0OTHER/U2CERLKJA"


@pytest.mark.parametrize("fields", [{"user_id": ""}, {"user_id": "U1/../U2"}, {"channel_id": "#builds"}, {"trigger_id": ""}])
def test_a_command_that_does_not_say_who_where_or_which_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        command(**fields)


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.com/x", "https://hooks.slack.com.evil.example/x", "https://evil.example/", "//hooks.slack.com/x", "https://[",
        "https://user@hooks.slack.com/x", "file:///etc/passwd", "",
    ],
)  # fmt: skip
def test_an_answer_goes_nowhere_but_to_slack(url: str) -> None:
    found = command(response_url=url)
    assert isinstance(found, Asked)
    assert found.answer_url == ""


def test_an_answer_may_go_to_the_apis_stand_in() -> None:
    url = "http://127.0.0.1:9899/slack/responses/x"
    found = command(app(base_url="http://127.0.0.1:9899/slack/api"), response_url=url)
    assert isinstance(found, Asked)
    assert found.answer_url == url


def test_the_challenge_is_answered_once_it_is_proved() -> None:
    body = b'{"type":"url_verification","challenge":"3eZbrw1a"}'
    assert SLACK.read_event(signed(body), body, NOW) == Immediate({"challenge": "3eZbrw1a"})
    with pytest.raises(ForgedError):
        SLACK.read_event({}, body, NOW)


def test_a_mention_is_read_without_the_mention_and_answered_in_its_thread() -> None:
    found = asked(event(text="<@U0BOT|buildnet>: build <http://api.example|api.example>"))
    assert found == Inbound(
        channel="slack",
        identifier=WHO,
        text="build api.example",
        message_id="Ev1",
        reply_to=Address("slack", "C0123456789", "C0123456789:1700000000.000100"),
    )


def test_what_is_said_in_a_thread_is_answered_there() -> None:
    found = asked(event(thread_ts="1699999999.000001"))
    assert found.reply_to.thread == "C0123456789:1699999999.000001"


def test_a_direct_message_is_read() -> None:
    found = asked(event(type="message", channel_type="im", channel="D0123456789", text="history 3"))
    assert (found.text, found.reply_to.to) == ("history 3", "D0123456789")


@pytest.mark.parametrize(
    ("envelope", "fields"),
    [
        ({}, {"bot_id": "B1"}),
        ({}, {"subtype": "message_changed"}),
        ({}, {"subtype": "bot_message"}),
        ({}, {"edited": {"user": "U2CERLKJA"}}),
        ({"authorizations": [{"user_id": "U2CERLKJA", "is_bot": True}]}, {}),
        ({}, {"type": "message", "channel_type": "channel"}),
        ({}, {"type": "reaction_added"}),
        ({"type": "app_rate_limited"}, {}),
    ],
)
def test_what_no_person_says_to_us_is_let_be(envelope: dict[str, Any], fields: dict[str, Any]) -> None:
    assert event(envelope, **fields) is None


def test_an_event_of_another_workspace_is_refused() -> None:
    with pytest.raises(ForgedError):
        event({"team_id": "T0OTHER"})


def test_a_pressed_button_says_what_it_answers_as_if_it_were_typed() -> None:
    found = press(Button("CONFIRM", REQUEST, WHO, "483920").value)
    assert found is not None
    assert (found.inbound.text, found.request_id) == ("CONFIRM 483920", REQUEST)
    assert (found.inbound.identifier, found.inbound.message_id, found.inbound.name) == (WHO, "3.4.b", "roadrunner")
    assert found.answer_url == "https://hooks.slack.com/actions/T1/2/x"
    cancelled = press(Button("CANCEL", REQUEST, WHO).value)
    assert asked(cancelled).text == "NO"


@pytest.mark.parametrize("who", ["T1DC2JH3J/U0SOMEBODY", "T0OTHER/U2CERLKJA"])
def test_nobody_but_whoever_asked_may_press(who: str) -> None:
    assert press(Button("CONFIRM", REQUEST, who, "483920").value) is None


@pytest.mark.parametrize(
    "fields", [{"type": "view_submission"}, {"actions": []}, {"actions": ["x"]}, {"actions": [{"value": "hi"}]}]
)
def test_other_interactions_are_let_be(fields: dict[str, Any]) -> None:
    assert press("CANCEL x", **fields) is None


def test_a_press_in_another_workspace_is_refused() -> None:
    with pytest.raises(ForgedError):
        press(Button("CANCEL", REQUEST, WHO).value, team={"id": "T0OTHER"})
