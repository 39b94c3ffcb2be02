"""Every answer of Discord's, and what it means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from buildnet_cli.channels.discord.answer import message_id
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON


def answer(status: int, body: Any, **headers: str) -> Answer:
    text = body if isinstance(body, str) else json.dumps(body)
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "discord.com", NOON)


def refused(given: Answer) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        message_id(given)
    return caught.value


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (answer(200, {"id": "1199", "type": 0}), "1199"),
        (answer(204, ""), ""),
        (answer(200, {"id": 1199}), ""),
        (answer(200, {"id": "1199/../x"}), ""),
    ],
)
def test_a_message_that_was_taken_has_an_id(given: Answer, expected: str) -> None:
    assert message_id(given) == expected


@pytest.mark.parametrize(
    ("status", "code", "outcome", "hint"),
    [
        (401, 0, Outcome.HOLD, "bot token"),
        (401, 40001, Outcome.HOLD, "bot token"),
        (401, 50014, Outcome.HOLD, "bot token"),
        (401, 50027, Outcome.HOLD, "new webhook"),
        (403, 0, Outcome.HOLD, "credential"),
        (403, 50001, Outcome.PERMANENT, "View Channel"),
        (403, 50007, Outcome.PERMANENT, "direct messages"),
        (403, 50013, Outcome.PERMANENT, "Send Messages"),
        (403, 40333, Outcome.RETRY, "blocks this address"),
        (404, 10003, Outcome.PERMANENT, "Developer Mode"),
        (404, 10004, Outcome.PERMANENT, "invite"),
        (404, 10008, Outcome.PERMANENT, ""),
        (404, 10015, Outcome.GONE, "new webhook"),
        (400, 50006, Outcome.PERMANENT, ""),
        (400, 50035, Outcome.PERMANENT, ""),
        (400, 50109, Outcome.PERMANENT, ""),
        (400, 160002, Outcome.PERMANENT, "Read Message History"),
        (400, 220001, Outcome.PERMANENT, "thread_id"),
        (400, 999999, Outcome.PERMANENT, ""),
        (429, 20016, Outcome.RETRY, ""),
        (429, 20028, Outcome.RETRY, ""),
        (429, 20029, Outcome.RETRY, ""),
        (500, 0, Outcome.RETRY, ""),
        (502, 0, Outcome.RETRY, ""),
        (503, 130000, Outcome.RETRY, ""),
        (504, 0, Outcome.RETRY, ""),
        (524, 0, Outcome.RETRY, ""),
    ],
)
def test_a_refusal_says_what_becomes_of_the_message(status: int, code: int, outcome: Outcome, hint: str) -> None:
    found = refused(answer(status, {"code": code, "message": "Some Words"}, via="1.1 google"))
    assert (found.outcome, found.status) == (outcome, status)
    assert found.message == f"discord.com answered {status}: Some Words" + (f" ({code})" if code else "")
    assert hint in found.hint
    assert bool(hint) == bool(found.hint)


def test_a_status_is_told_once() -> None:
    assert refused(answer(401, {"code": 0, "message": "401: Unauthorized"})).message == "discord.com answered 401: Unauthorized"


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"retry_after": 64.57}, 64.57),
        ({"retry_after": 3}, 3.0),
        ({"retry_after": 0.25}, 1.0),
        ({"retry_after": "x"}, 65.0),
        ({"retry_after": True}, 65.0),
        ({"retry_after": 0}, 65.0),
        ({}, 65.0),
    ],
)
def test_the_exact_delay_is_in_the_body(body: Any, expected: float) -> None:
    assert refused(answer(429, body, retry_after="65", via="1.1 google")).retry_after_secs == expected


@pytest.mark.parametrize(
    ("body", "headers", "expected"),
    [
        ("error code: 1015", {}, 3600.0),
        ("<html>You are being rate limited</html>", {"retry_after": "60"}, 3600.0),
        ("", {"retry_after": "7200"}, 7200.0),
        ("error code: 1015", {"via": "1.1 google", "retry_after": "60"}, 60.0),
        ({"retry_after": 2.5}, {}, 2.5),
    ],
)
def test_an_address_that_is_shut_out_waits_long(body: Any, headers: dict[str, str], expected: float) -> None:
    found = refused(answer(429, body, **headers))
    assert (found.outcome, found.retry_after_secs) == (Outcome.RETRY, expected)


def test_a_block_by_the_address_waits_long_as_well() -> None:
    assert refused(answer(403, {"code": 40333, "message": "internal network error"})).retry_after_secs == 3600.0


@pytest.mark.parametrize(("status", "outcome"), [(200, Outcome.RETRY), (502, Outcome.RETRY), (403, Outcome.HOLD)])
def test_a_page_in_the_place_of_an_answer_is_no_receipt(status: int, outcome: Outcome) -> None:
    assert refused(answer(status, "<html>Sign in</html>", content_type="text/html")).outcome is outcome
