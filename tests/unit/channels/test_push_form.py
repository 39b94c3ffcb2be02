"""What phones get: within Firebase's limits, of texts only, and one place on the screen for each problem."""

from __future__ import annotations

import dataclasses
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.push import form
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render
from buildnet_cli.sandbox.fcm_message import flaw_of
from tests.support.golden import assert_golden
from tests.support.messages import NOON, SAMPLES, event, outgoing

INCIDENT = "evt_01hn3p4q5r6s7t8v9w0x1y2z3e"

TEXT = st.text(max_size=300) | st.sampled_from(["x" * 5000, "\n" * 400, "😀" * 3000, '"\\' * 500, "\x1b[2J\u202e\x00 a"])
MESSAGES = st.builds(
    Message,
    event=st.builds(event, st.just("custom.x"), TEXT, TEXT),
    title=TEXT,
    line=TEXT,
    is_test=st.booleans(),
)


def told(name: str, *, incident: str = "") -> OutgoingMessage:
    return dataclasses.replace(outgoing(render(SAMPLES[name]), "push:builds"), incident=incident)


@pytest.mark.parametrize("name", SAMPLES)
def test_it_looks_as_agreed(name: str) -> None:
    body = form.body(told(name, incident=INCIDENT if "failed" in name else ""), "builds")
    assert_golden(f"messages/push/{name}.json", json.dumps(body, indent=2, ensure_ascii=False) + "\n")


@settings(max_examples=200)
@given(MESSAGES, st.sampled_from(["", INCIDENT]))
def test_whatever_is_said_firebase_takes_it(message: Message, incident: str) -> None:
    sending = OutgoingMessage("dlv_01hn3p4q5r6s7t8v9w0x1y2z3b", outgoing(message).target, message, 1, NOON, incident)
    body = form.body(sending, "a" * 200)
    size = len(json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace"))
    assert flaw_of(body, size) is None
    assert size <= form.MOST_BYTES
    shown = body["message"]["notification"]
    assert len(shown["title"]) <= 50
    assert len(shown.get("body", "")) <= 120
    assert not any(char in json.dumps(body, ensure_ascii=False) for char in "\x1b\u202e\x00\n")


def test_both_kinds_of_phone_show_one_notification_for_one_problem() -> None:
    first, last = (form.body(told(name, incident=INCIDENT), "t")["message"] for name in ("build.failed-first", "build.completed"))
    for message in (first, last):
        assert message["android"]["collapse_key"] == message["android"]["notification"]["tag"] == INCIDENT
        assert message["apns"]["headers"]["apns-collapse-id"] == INCIDENT
        assert message["apns"]["payload"]["aps"]["thread-id"] == INCIDENT


def test_two_copies_of_one_message_replace_each_other_and_nothing_else() -> None:
    sending = told("custom.deploy.done")
    again = dataclasses.replace(sending, attempt=2)
    one, two = (form.body(each, "t")["message"] for each in (sending, again))
    assert one["android"]["notification"]["tag"] == two["android"]["notification"]["tag"] == sending.delivery_id
    assert "collapse_key" not in one["android"]


@pytest.mark.parametrize(
    ("priority", "android", "channel", "apns", "level", "sound"),
    [
        ("low", "normal", "buildnet", "5", "passive", None),
        ("medium", "normal", "buildnet", "5", "active", "default"),
        ("high", "high", "buildnet", "10", "active", "default"),
        ("critical", "high", "buildnet_critical", "10", "time-sensitive", "default"),
    ],
)
def test_what_is_urgent_rings(priority: str, android: str, channel: str, apns: str, level: str, sound: str | None) -> None:
    message = form.body(outgoing(render(event("custom.x", "hello", priority=priority)), "push:t"), "t")["message"]
    assert (message["android"]["priority"], message["android"]["notification"]["channel_id"]) == (android, channel)
    assert message["apns"]["headers"]["apns-priority"] == apns
    assert message["apns"]["headers"]["apns-push-type"] == "alert"
    assert (message["apns"]["payload"]["aps"]["interruption-level"], message["apns"]["payload"]["aps"].get("sound")) == (
        level,
        sound,
    )


def test_ids_come_whole_for_the_app_to_ask_with() -> None:
    data = form.body(told("build.failed-first", incident=INCIDENT), "t")["message"]["data"]
    sample = SAMPLES["build.failed-first"]
    assert (data["event_id"], data["build_id"], data["incident"]) == (sample.id, sample.payload["id"], INCIDENT)
    assert all(isinstance(value, str) for value in data.values())
    assert not data.keys() & {"from", "message_type"}


def test_a_test_says_that_it_is_one() -> None:
    message = form.body(outgoing(render(event("custom.x", "hello"), is_test=True), "push:t"), "t")["message"]
    assert message["notification"]["title"].startswith("TEST")
    assert message["data"]["is_test"] == "true"
