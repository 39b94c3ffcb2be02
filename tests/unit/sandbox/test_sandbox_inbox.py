"""What the stand-ins keep, and the answers they are told to give."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox.inbox import MAX_FAULTS, MAX_HOOKS, MAX_MESSAGES, Answer, Inbox, Received, read_answers
from tests.support.messages import NOON

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


def receive(inbox: Inbox, name: str = "hook") -> tuple[Received, Answer]:
    answer = inbox.next_answer(name)
    return inbox.keep(name, "POST", {}, {}, NOON, answered=0 if answer.hangs else answer.status), answer


def test_messages_are_numbered_by_arrival_and_read_from_any_point() -> None:
    inbox = Inbox()
    for name in "abc":
        receive(inbox, name)
    assert [(message.number, message.recipient) for message in inbox.messages(since=1)] == [(2, "b"), (3, "c")]
    assert inbox.last_number == 3


def test_the_inbox_forgets_its_oldest_messages() -> None:
    inbox = Inbox()
    for _ in range(MAX_MESSAGES + 5):
        receive(inbox)
    assert [message.number for message in inbox.messages()] == list(range(6, MAX_MESSAGES + 6))


def test_scripted_answers_are_given_in_order_to_their_hook_only() -> None:
    inbox = Inbox()
    inbox.script("bad", read_answers({"answers": [503, {"status": 429, "retry_after": 1.5}, "hang"]}))
    assert receive(inbox, "good")[1] == Answer(200)
    assert [receive(inbox, "bad")[1] for _ in range(4)] == [
        Answer(503),
        Answer(429, retry_after=1.5),
        Answer(hangs=True),
        Answer(200),
    ]
    assert [message.answered for message in inbox.messages()] == [200, 503, 429, 0, 200]


def test_clearing_forgets_messages_and_scripts_but_numbers_go_on() -> None:
    inbox = Inbox()
    inbox.script("hook", [Answer(503), Answer(503)])
    receive(inbox)
    inbox.clear()
    assert (inbox.messages(), inbox.last_number) == ([], 0)
    message, answer = receive(inbox)
    assert (message.number, answer) == (2, Answer(200))


@pytest.mark.parametrize(
    "script",
    [
        None,
        [],
        {},
        {"answers": 503},
        {"answers": ["explode"]},
        {"answers": [True]},
        {"answers": [99]},
        {"answers": [600]},
        {"answers": [{"retry_after": 1}]},
        {"answers": [{"status": 200, "retry_after": -1}]},
        {"answers": [{"status": 200, "text": 1}]},
        {"answers": [{"status": 200, "other": 1}]},
    ],
)
def test_a_script_that_makes_no_sense_is_refused(script: Any) -> None:
    with pytest.raises(UsageError):
        read_answers(script)


def test_scripts_are_bounded() -> None:
    inbox = Inbox()
    with pytest.raises(UsageError):
        inbox.script("hook", [Answer()] * (MAX_FAULTS + 1))
    for number in range(MAX_HOOKS):
        inbox.script(str(number), [Answer()])
    with pytest.raises(UsageError):
        inbox.script("one more", [Answer()])


@given(JSON)
def test_any_json_is_a_script_or_a_clear_refusal(value: Any) -> None:
    try:
        answers = read_answers({"answers": value})
    except UsageError:
        return
    assert all(answer.hangs or 200 <= answer.status <= 599 for answer in answers)
