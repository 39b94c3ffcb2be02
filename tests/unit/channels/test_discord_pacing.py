"""Waiting before Discord has to ask for it."""

from __future__ import annotations

import pytest

from buildnet_cli.channels.discord.pacing import LONGEST_WAIT_SECS, Pacing


@pytest.mark.parametrize(
    ("remaining", "reset_after", "expected"),
    [
        ("0", "1.5", 1.5),
        ("1", "1.5", 0.0),
        ("0", "999", LONGEST_WAIT_SECS),
        ("0", "-3", 0.0),
        ("0", "soon", 0.0),
        ("0", "nan", 0.0),
        ("", "1.5", 0.0),
    ],
)
def test_an_empty_bucket_is_waited_for(remaining: str, reset_after: str, expected: float) -> None:
    pacing = Pacing()
    pacing.note("POST", "1", {"x-ratelimit-remaining": remaining, "x-ratelimit-reset-after": reset_after}, 100.0)
    assert pacing.wait_secs("POST", "1", 100.0) == expected


def test_each_method_and_room_has_a_bucket_and_time_fills_it() -> None:
    pacing = Pacing()
    pacing.note("POST", "1", {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2"}, 100.0)
    assert [pacing.wait_secs(*route, 100.5) for route in (("POST", "1"), ("PATCH", "1"), ("POST", "2"))] == [1.5, 0.0, 0.0]
    assert pacing.wait_secs("POST", "1", 103.0) == 0.0


def test_the_last_answer_counts() -> None:
    pacing = Pacing()
    pacing.note("POST", "1", {"x-ratelimit-remaining": "0", "x-ratelimit-reset-after": "2"}, 100.0)
    pacing.note("POST", "1", {"x-ratelimit-remaining": "4"}, 100.1)
    assert pacing.wait_secs("POST", "1", 100.2) == 0.0
