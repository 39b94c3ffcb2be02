"""The stand-in refuses what Firebase refuses."""

from __future__ import annotations

from typing import Any

import pytest

from buildnet_cli.sandbox.fcm_message import flaw_of


def body(**message: Any) -> dict[str, Any]:
    return {"message": {"topic": "builds", "notification": {"title": "t", "body": "b"}, **message}}


@pytest.mark.parametrize(
    "good",
    [
        body(),
        body(topic="/topics/a-b_c.d~e%20"),
        {"message": {"token": "abc"}, "validate_only": True},
        {"message": {"condition": "'a' in topics"}},
        body(data={"fromage": "brie", "googled": "x"}),
        body(android={"priority": "HIGH", "ttl": "3.5s"}, apns={"headers": {"apns-priority": "5"}, "payload": {"aps": {}}}),
    ],
)
def test_a_good_message_is_taken(good: Any) -> None:
    assert flaw_of(good, 100) is None


@pytest.mark.parametrize(
    ("bad", "field"),
    [
        ("text", "message"),
        ({"message": {}}, "message"),
        ({"message": {"topic": "a"}, "more": 1}, "message"),
        (body(token=None), "message"),
        (body(token="abc"), "message"),
        (body(topic="a b"), "message.topic"),
        (body(topic="ä"), "message.topic"),
        (body(colour="red"), "message.colour"),
        (body(notification={"title": 3}), "message.notification"),
        (body(notification={"sound": "x"}), "message.notification"),
        (body(data={"n": 3}), "message.data[0].value"),
        (body(data="text"), "message.data[0].value"),
        *((body(data={name: "x"}), "message.data") for name in ("from", "message_type", "google.x", "gcm.y", "gcm")),
        (body(android={"ttl": 300}), "message.android.ttl"),
        (body(android={"priority": "urgent"}), "message.android.priority"),
        (body(android={"color": "x"}), "message.android"),
        (body(apns={"headers": {"apns-priority": 10}}), "message.apns.headers"),
        (body(apns={"headers": {"apns-priority": "11"}}), "message.apns.headers.apns-priority"),
        (body(apns={"headers": {"apns-collapse-id": "x" * 65}}), "message.apns.headers.apns-collapse-id"),
        (body(apns={"payload": {"alert": "x"}}), "message.apns.payload"),
    ],
)
def test_a_bad_message_is_refused_at_its_field(bad: Any, field: str) -> None:
    found = flaw_of(bad, 100)
    assert found is not None
    assert found[0] == field


def test_a_topic_takes_half_of_what_one_phone_takes() -> None:
    assert flaw_of(body(), 2_048) is None
    assert flaw_of(body(), 2_049) is not None
    assert flaw_of({"message": {"token": "abc"}}, 4_096) is None
    assert flaw_of({"message": {"token": "abc"}}, 4_097) is not None
