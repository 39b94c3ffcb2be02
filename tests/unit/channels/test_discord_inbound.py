"""What comes in from Discord: only what Discord signed is read, and it says who asks for what, and where the answer goes."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from buildnet_cli.channels.button import Button
from buildnet_cli.channels.discord.inbound import DiscordInbound, verify
from buildnet_cli.channels.incoming import Asked, Immediate
from buildnet_cli.commands.inbound import ForgedError, Inbound
from buildnet_cli.commands.registry import commands
from buildnet_cli.config.channels.discord import Discord
from buildnet_cli.delivery.model import Address
from buildnet_cli.errors import UsageError

# Source: RFC 8032, 7.1, test 1, for the key; such signatures have no chance in them.
KEY = Ed25519PrivateKey.from_private_bytes(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60"))
PUBLIC_KEY = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a"
NOW = datetime.fromtimestamp(1700000000, UTC)
PING = b'{"type":1}'
SIGNATURE = (
    "1695961a47c91a1ec033b819b7e87e3dbc583dd0cee6d1fd0216f58ac87b6228"
    "ae531ddbf91fb7bc28d7edf7f08604da16f54624f38a6bc0614e4dc13cd47f0f"
)
VECTOR = {"x-signature-ed25519": SIGNATURE, "x-signature-timestamp": "1700000000"}
API = "https://discord.com/api/v10"
DANA = {"id": "200000000000000001", "username": "dana"}
REQUEST = "req_01j9z8c3n4p5q6r7s8t9v0w1x2"


def bot(**options: str) -> DiscordInbound:
    given = {"bot_token": "x", "public_key": PUBLIC_KEY, **options}
    return DiscordInbound(Discord.model_validate(given), API, commands())


DISCORD = bot()


def signed(body: bytes, key: Ed25519PrivateKey = KEY, timestamp: str = "1700000000") -> dict[str, str]:
    return {"x-signature-ed25519": key.sign(timestamp.encode() + body).hex(), "x-signature-timestamp": timestamp}


def interaction(kind: int = 2, *, by: DiscordInbound = DISCORD, **fields: Any) -> Asked | Immediate:
    given = {
        "id": "300000000000000001",
        "application_id": "400000000000000001",
        "type": kind,
        "token": "aW50ZXJhY3Rpb24.x-y_z",
        "guild_id": "123456789",
        "channel_id": "987654321",
        "member": {"user": DANA, "permissions": "0"},
        "data": {"name": "buildnet", "options": [{"type": 1, "name": "status"}]},
    }
    body = json.dumps({**given, **fields}).encode()
    return by.read(signed(body), body, NOW)


def press(button: Button, **fields: Any) -> Asked | Immediate:
    return interaction(3, data={"custom_id": button.value, "component_type": 2}, **fields)


def test_the_vector_is_taken_and_a_ping_is_answered() -> None:
    assert signed(PING) == VECTOR
    assert DISCORD.read(VECTOR, PING, NOW) == Immediate({"type": 1})


@pytest.mark.parametrize("off", [-300, 0, 300])
def test_a_request_of_this_moment_is_taken(off: int) -> None:
    verify(PUBLIC_KEY, VECTOR, PING, NOW + timedelta(seconds=off))


@pytest.mark.parametrize("off", [-301, 301, 86_400, -86_400])
def test_a_request_of_another_moment_is_refused_whichever_way_it_is_off(off: int) -> None:
    with pytest.raises(ForgedError):
        verify(PUBLIC_KEY, VECTOR, PING, NOW + timedelta(seconds=off))


@pytest.mark.parametrize("timestamp", ["", "now", "1700000000.0", "-1700000000", "１７００００００００", "1" * 400])
def test_a_timestamp_that_is_no_number_is_refused_though_it_is_signed(timestamp: str) -> None:
    with pytest.raises(ForgedError):
        verify(PUBLIC_KEY, signed(PING, timestamp=timestamp), PING, NOW)


@pytest.mark.parametrize(
    "signature", ["", "zz", SIGNATURE[:-1], SIGNATURE[:-2], SIGNATURE + "00", "é" * 128, "0" * 128, f" {SIGNATURE[1:]}", "\udc80"]
)
def test_a_malformed_signature_is_refused(signature: str) -> None:
    with pytest.raises(ForgedError):
        verify(PUBLIC_KEY, {**VECTOR, "x-signature-ed25519": signature}, PING, NOW)


@pytest.mark.parametrize("public_key", ["", PUBLIC_KEY[:-2], "00" * 31 + "zz", "ff" * 32])
def test_without_a_usable_key_nothing_is_taken(public_key: str) -> None:
    with pytest.raises(ForgedError):
        verify(public_key, VECTOR, PING, NOW)


@pytest.mark.parametrize("first", ["00", "01"])
@pytest.mark.parametrize("last", ["00", "80"])
def test_a_key_that_anybody_can_sign_for_cannot_be_configured(first: str, last: str) -> None:
    made_up = {**VECTOR, "x-signature-ed25519": "01" + "00" * 63}
    weak = first + "00" * 30 + last
    taken = sum(_is_taken(weak, made_up, b"%d" % count) for count in range(50))
    assert taken > 0, "the library refuses such keys by itself now"
    with pytest.raises(ValidationError, match="anybody can sign for"):
        bot(public_key=weak)


def _is_taken(public_key: str, headers: dict[str, str], body: bytes) -> bool:
    with contextlib.suppress(ForgedError):
        verify(public_key, headers, body, NOW)
        return True
    return False


@settings(max_examples=1000)
@given(
    seed=st.binary(min_size=32, max_size=32),
    signature=st.none() | st.text(max_size=140) | st.binary(min_size=64, max_size=64).map(bytes.hex),
    body=st.binary(max_size=200) | st.just(PING),
)
def test_no_forged_request_is_read(seed: bytes, signature: str | None, body: bytes) -> None:
    headers = signed(body, Ed25519PrivateKey.from_private_bytes(seed))
    if signature is not None:
        headers["x-signature-ed25519"] = signature
    with pytest.raises(ForgedError):
        DISCORD.read(headers, body, NOW)


@given(st.binary(max_size=40).filter(lambda body: body != PING))
def test_a_genuine_signature_is_good_for_no_other_body(body: bytes) -> None:
    with pytest.raises(ForgedError):
        DISCORD.read(VECTOR, body, NOW)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-2, 6) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["name", "type", "options", "value", "id", "user"]), inner),
)
NAMES = st.sampled_from(["type", "data", "member", "user", "token", "guild_id", "channel_id", "id", "application_id"])


@given(
    st.binary()
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.builds(lambda parts, kind: json.dumps({**parts, "type": kind}).encode(), st.dictionaries(NAMES, JSON), st.integers(1, 6))
)
def test_whatever_discord_signs_is_read_or_refused(body: bytes) -> None:
    with contextlib.suppress(ForgedError, UsageError):
        DISCORD.read(signed(body), body, NOW)


def test_a_command_says_who_asks_what_and_where_the_answer_goes() -> None:
    found = interaction()
    assert found == Asked(
        Inbound(
            channel="discord",
            identifier="200000000000000001",
            text="STATUS",
            message_id="300000000000000001",
            reply_to=Address("discord", "987654321"),
            name="dana",
        ),
        f"{API}/webhooks/400000000000000001/aW50ZXJhY3Rpb24.x-y_z/messages/@original",
    )
    assert "aW50ZXJhY3Rpb24" not in repr(found)


def test_a_direct_message_says_who_asks_in_another_place() -> None:
    found = interaction(member=None, user=DANA, guild_id=None)
    assert isinstance(found, Asked)
    assert found.inbound.identifier == DANA["id"]


@pytest.mark.parametrize(
    ("options", "fields"),
    [
        ({"guild_id": "555"}, {}),
        ({"guild_id": "555"}, {"guild_id": None, "member": None, "user": DANA}),
        ({"application_id": "555"}, {}),
    ],
)
def test_another_server_or_application_is_refused(options: dict[str, str], fields: dict[str, Any]) -> None:
    with pytest.raises(ForgedError):
        interaction(by=bot(**options), **fields)


@pytest.mark.parametrize(
    "fields",
    [
        {"member": None},
        {"member": {"user": {"id": "1/2"}}},
        {"id": ""},
        {"id": 300000000000000001},
        {"channel_id": "../x"},
        {"application_id": None},
        {"token": "a/../b"},
        {"token": ""},
        {"type": 4},
        {"type": "2"},
        {"data": {"name": "other"}},
    ],
)
def test_an_interaction_that_makes_no_sense_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(UsageError):
        interaction(**fields)


def test_a_pressed_button_says_what_it_answers_as_if_it_were_typed() -> None:
    found = press(Button("CONFIRM", REQUEST, DANA["id"], "483920"))
    assert isinstance(found, Asked)
    assert (found.inbound.text, found.request_id) == ("CONFIRM 483920", REQUEST)
    cancelled = press(Button("CANCEL", REQUEST, DANA["id"]))
    assert isinstance(cancelled, Asked)
    assert cancelled.inbound.text == "NO"


def test_nobody_but_whoever_asked_may_press() -> None:
    found = press(Button("CONFIRM", REQUEST, "999", "483920"))
    assert isinstance(found, Immediate)
    assert found.body is not None
    assert (found.body["type"], found.body["data"]["flags"]) == (4, 64)


def test_a_button_that_is_not_ours_is_refused() -> None:
    with pytest.raises(UsageError):
        interaction(3, data={"custom_id": "hello"})
