"""When the daemon's coming and going is told."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from buildnet_cli.engine.buildnetd.client import Pulse
from buildnet_cli.engine.buildnetd.health import Health, Turn, announce
from buildnet_cli.events.catalog import CATALOG

F, I, G = Pulse.FINE, Pulse.ILL, Pulse.GONE  # noqa: E741  (one letter a pulse, so that a row of them reads as one)


def told(*pulses: Pulse) -> list[Turn]:
    health = Health()
    return [turn for pulse in pulses for turn in health.take(pulse)]


@pytest.mark.parametrize(
    ("pulses", "turns"),
    [
        ([], []),
        ([F], [Turn.STARTED]),
        ([F, F, F, F], [Turn.STARTED]),
        ([F, G, G, F], [Turn.STARTED]),
        ([F, I, G, F], [Turn.STARTED]),
        ([F, G, G, G], [Turn.STARTED, Turn.STOPPED]),
        ([F, G, G, G, G, G, G, G], [Turn.STARTED, Turn.STOPPED]),
        ([F, G, G, G, F], [Turn.STARTED, Turn.STOPPED, Turn.STARTED]),
        ([F, I, I, I, F], [Turn.STARTED, Turn.ERROR, Turn.RECOVERED]),
        ([F, I, I, I, G, F], [Turn.STARTED, Turn.ERROR, Turn.STOPPED, Turn.STARTED, Turn.RECOVERED]),
        ([G, G, G, F], [Turn.STOPPED, Turn.STARTED]),
        ([I, I, I, F], [Turn.ERROR, Turn.STARTED, Turn.RECOVERED]),
        ([G, F], [Turn.STARTED]),
    ],
)
def test_three_misses_are_told_once_and_the_end_of_what_was_told(pulses: list[Pulse], turns: list[Turn]) -> None:
    assert told(*pulses) == turns


@given(st.lists(st.sampled_from(Pulse)))
def test_every_problem_is_told_to_be_over_and_none_twice(pulses: list[Pulse]) -> None:
    open_: set[Turn] = set()
    ends = {Turn.STARTED: Turn.STOPPED, Turn.RECOVERED: Turn.ERROR}
    for turn in told(*pulses, Pulse.FINE):
        if turn in ends:
            open_.discard(ends[turn])
        else:
            assert turn not in open_
            open_.add(turn)
    assert not open_


@given(st.lists(st.sampled_from(Pulse), min_size=1))
def test_it_is_up_if_and_only_if_the_last_pulse_was_fine(pulses: list[Pulse]) -> None:
    health = Health()
    for pulse in pulses:
        health.take(pulse)
    assert health.is_up == (pulses[-1] is Pulse.FINE)


@pytest.mark.parametrize("turn", list(Turn))
def test_every_turn_is_an_event_about_the_daemon_s_address(turn: Turn) -> None:
    event = announce(turn, "http://127.0.0.1:9876")
    assert event.type in CATALOG
    assert event.subject == "127.0.0.1:9876"
    assert event.message.endswith("(127.0.0.1:9876)")
