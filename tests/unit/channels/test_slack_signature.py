"""Slack's signatures: only what carries one of this moment is read."""

from __future__ import annotations

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from buildnet_cli.channels.incoming import Asked
from buildnet_cli.channels.slack.inbound import SlackInbound, verify
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.config.channels.slack import Slack
from buildnet_cli.delivery.model import Address

# Source: Slack "Verifying requests from Slack", the example there.
SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
NOW = datetime.fromtimestamp(1531420618, UTC)
BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&channel_name=foobar"
    b"&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A%2F%2Fhooks.slack.com"
    b"%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN"
    b"&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"
OFFICIAL = {"x-slack-signature": SIGNATURE, "x-slack-request-timestamp": "1531420618"}


SLACK = SlackInbound(Slack.model_validate({"bot_token": "xoxb-1", "signing_secret": SECRET, "team_id": "T1DC2JH3J"}))
READERS = (SLACK.read_command, SLACK.read_event, SLACK.read_press)


def signed(body: bytes, secret: str = SECRET, timestamp: str = "1531420618") -> dict[str, str]:
    digest = hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()
    return {"x-slack-signature": f"v0={digest}", "x-slack-request-timestamp": timestamp}


def test_the_official_vector_is_taken_and_read() -> None:
    found = SLACK.read_command(OFFICIAL, BODY, NOW)
    assert found == Asked(
        Inbound(
            channel="slack",
            identifier="T1DC2JH3J/U2CERLKJA",
            text="STATUS",
            message_id="398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c",
            reply_to=Address("slack", "G8PSS9T3V"),
            name="roadrunner",
        ),
        "https://hooks.slack.com/commands/T1DC2JH3J/397700885554/96rGlfmibIGlgcZRskXaIFfN",
    )
    assert "96rGlfmibIGlgcZRskXaIFfN" not in repr(found)


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_request_of_this_moment_is_taken(off: int) -> None:
    verify(SECRET.encode(), OFFICIAL, BODY, NOW + timedelta(seconds=off))


@pytest.mark.parametrize("off", [-301, 301, 86_400, -86_400])
def test_a_request_of_another_moment_is_refused_whichever_way_it_is_off(off: int) -> None:
    with pytest.raises(ForgedError):
        verify(SECRET.encode(), OFFICIAL, BODY, NOW + timedelta(seconds=off))


@pytest.mark.parametrize(
    "timestamp", ["", "now", "1531420618.0", "-1531420618", "+1531420618", "１５３１４２０６１８", " 1531420618", "1" * 400]
)
def test_a_timestamp_that_is_no_number_is_refused_though_it_is_signed(timestamp: str) -> None:
    with pytest.raises(ForgedError):
        verify(SECRET.encode(), signed(BODY, timestamp=timestamp), BODY, NOW)


@pytest.mark.parametrize(
    "signature", ["", "v0=", SIGNATURE[3:], SIGNATURE.upper(), f"v1{SIGNATURE[2:]}", "v0=é", "\udc80", SIGNATURE + "0"]
)
def test_another_signature_is_refused(signature: str) -> None:
    with pytest.raises(ForgedError):
        verify(SECRET.encode(), {**OFFICIAL, "x-slack-signature": signature}, BODY, NOW)


def test_without_a_secret_nothing_is_taken() -> None:
    nobody = SlackInbound(Slack.model_validate({"bot_token": "xoxb-1"}))
    with pytest.raises(ForgedError):
        nobody.read_command(signed(BODY, secret=""), BODY, NOW)


@settings(max_examples=1000)
@given(
    reader=st.sampled_from(READERS),
    secret=st.text().filter(lambda text: text != SECRET),
    signature=st.none() | st.text(max_size=80) | st.from_regex(r"v0=[0-9a-f]{64}", fullmatch=True),
    body=st.binary(max_size=200) | st.just(BODY),
)
def test_no_forged_request_is_read(reader: Any, secret: str, signature: str | None, body: bytes) -> None:
    headers = signed(body, secret=secret.encode("utf-8", "replace").decode())
    if signature is not None:
        headers["x-slack-signature"] = signature
    with pytest.raises(ForgedError):
        reader(headers, body, NOW)


@given(reader=st.sampled_from(READERS), at=st.integers(0, len(BODY) - 1), bit=st.integers(0, 7))
def test_a_genuine_signature_is_good_for_no_other_body(reader: Any, at: int, bit: int) -> None:
    changed = bytes([*BODY[:at], BODY[at] ^ 1 << bit, *BODY[at + 1 :]])
    with pytest.raises(ForgedError):
        reader(OFFICIAL, changed, NOW)
