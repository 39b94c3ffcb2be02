"""Whether the daemon is there, and the words for its coming and going. Pure."""

from __future__ import annotations

import enum

from buildnet_cli.engine.buildnetd.client import Pulse
from buildnet_cli.events.model import EventDraft

MISSES = 3
"""Answers that fail to come before anybody is told."""


class Turn(enum.StrEnum):
    """What is told, named as the event is."""

    STARTED = "daemon.started"
    STOPPED = "daemon.stopped"
    ERROR = "daemon.error"
    RECOVERED = "daemon.recovered"


_WORDS = {
    Turn.STARTED: "The BuildNet daemon answers",
    Turn.STOPPED: "The BuildNet daemon is gone: nothing listens there any more; what is queued waits for it",
    Turn.ERROR: "The BuildNet daemon does not answer as it should; what is queued waits for it",
    Turn.RECOVERED: "The BuildNet daemon answers again",
}


class Health:
    """What a row of pulses says.

    is_up: whether the last one was fine.
    """

    def __init__(self) -> None:
        self.is_up = False
        self._was_up = False
        self._misses = 0
        self._told: set[Turn] = set()

    def take(self, pulse: Pulse) -> list[Turn]:
        """What is to be told after one more pulse."""
        self.is_up = pulse is Pulse.FINE
        if self.is_up:
            return self._back()
        self._misses += 1
        turn = Turn.STOPPED if pulse is Pulse.GONE else Turn.ERROR
        if self._misses < MISSES or turn in self._told:
            return []
        self._told.add(turn)
        return [turn]

    def _back(self) -> list[Turn]:
        """Everything that was told to be wrong is told to be over; the first time, that it is there."""
        ends = {Turn.STOPPED: Turn.STARTED, Turn.ERROR: Turn.RECOVERED}
        turns = [end for begun, end in ends.items() if begun in self._told]
        if not self._was_up and Turn.STARTED not in turns:
            turns.insert(0, Turn.STARTED)
        self._was_up = True
        self._misses = 0
        self._told.clear()
        return turns


def announce(turn: Turn, url: str) -> EventDraft:
    """The event of a turn. url: the daemon's."""
    where = url.partition("://")[2]
    return EventDraft(turn.value, f"{_WORDS[turn]} ({where})", subject=where, source="engine", payload={"url": url})
