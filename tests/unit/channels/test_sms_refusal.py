"""What Twilio's answers mean, row by row."""

from __future__ import annotations

import json

import pytest

from buildnet_cli.channels.sms import refusal
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer
from tests.support.messages import NOON

RETRY, PERMANENT, HOLD, UNKNOWN = Outcome.RETRY, Outcome.PERMANENT, Outcome.HOLD, Outcome.UNKNOWN


def answer(status: int, text: str = "", **headers: str) -> Answer:
    return Answer(status, {name.replace("_", "-"): value for name, value in headers.items()}, text, "api.twilio.com", NOON)


def told(status: int, code: int, message: str = "because") -> str:
    more_info = f"https://www.twilio.com/docs/errors/{code}"
    return json.dumps({"code": code, "message": message, "more_info": more_info, "status": status})


def refused(given: Answer) -> ChannelError:
    with pytest.raises(ChannelError) as caught:
        refusal.check(given)
    assert caught.value.__cause__ is None
    return caught.value


@pytest.mark.parametrize("given", [answer(201, '{"sid": "SM1"}'), answer(200, '{"messages": []}'), answer(200, '{"sid": "SM1"}')])
def test_what_was_taken_is_no_refusal(given: Answer) -> None:
    refusal.check(given)


@pytest.mark.parametrize(
    ("status", "code", "outcome", "hint"),
    [
        (401, 20003, HOLD, "auth_token"),
        (404, 20404, PERMANENT, "account_sid"),
        (429, 20429, RETRY, ""),
        (400, 21211, PERMANENT, "country code"),
        (400, 21212, PERMANENT, "from_number"),
        (400, 21408, PERMANENT, "Geo permissions"),
        (400, 21602, PERMANENT, ""),
        (400, 21603, PERMANENT, "messaging_service_sid"),
        (400, 21604, PERMANENT, ""),
        (400, 21606, PERMANENT, "from_number"),
        (400, 21608, PERMANENT, "trial"),
        (400, 21610, PERMANENT, "START"),
        (429, 21611, RETRY, ""),
        (400, 21611, RETRY, ""),
        (400, 21612, PERMANENT, "another sender"),
        (400, 21614, PERMANENT, "mobile"),
        (400, 21617, PERMANENT, "max_segments"),
        (400, 29999, PERMANENT, ""),
        (403, 20403, HOLD, "credential"),
        (500, 20500, RETRY, ""),
        (503, 20503, RETRY, ""),
    ],
)
def test_a_code_says_what_becomes_of_the_message(status: int, code: int, outcome: Outcome, hint: str) -> None:
    error = refused(answer(status, told(status, code)))
    assert (error.outcome, error.status) == (outcome, status)
    assert error.message == f"Twilio {code}: because"
    assert hint in error.hint


@pytest.mark.parametrize(
    ("given", "outcome"),
    [
        (answer(400, "<html>proxy"), PERMANENT),
        (answer(401, "no"), HOLD),
        (answer(502, "bad gateway"), RETRY),
        (answer(504), RETRY),
        (answer(429, '["code"]'), RETRY),
        (answer(400, '{"code": "x", "message": 5}'), PERMANENT),
        (answer(301, ""), PERMANENT),
        (answer(200, "<html>sign in"), RETRY),
        (answer(200, "{}"), RETRY),
        (answer(201, '{"sid": "SM'), UNKNOWN),
        (answer(200, "[" * 60_000), RETRY),
    ],
)
def test_an_answer_in_another_form_is_judged_by_its_status(given: Answer, outcome: Outcome) -> None:
    assert refused(given).outcome is outcome


def test_the_delay_that_twilio_asks_for_is_kept() -> None:
    assert refused(answer(429, told(429, 20429), retry_after="17")).retry_after_secs == 17


def test_the_newer_form_of_errors_is_read_too() -> None:
    problem = {"type": "https://www.twilio.com/docs/api/errors/21211", "title": "Invalid", "status": 400, "code": 21211}
    assert refused(answer(400, json.dumps({**problem, "detail": "no such phone"}))).message == "Twilio 21211: no such phone"
    assert refused(answer(400, json.dumps(problem))).message == "Twilio 21211: Invalid"


def test_what_twilio_says_is_one_short_line() -> None:
    error = refused(answer(400, told(400, 21211, "a\nb\x1b[2J " + "x" * 900)))
    assert "\n" not in error.message
    assert "\x1b" not in error.message
    assert len(error.message) < 230
