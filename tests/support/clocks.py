"""A clock that stands still until a test moves it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2024, 1, 26, 12, 0, tzinfo=UTC)
"""A Friday noon in winter: no clock change is near in any zone."""


class FakeClock:
    """Implements `buildnet_cli.clock.Clock`; wall clock and elapsed time are moved together or apart."""

    def __init__(self, start: datetime = START) -> None:
        self._now = start
        self._monotonic = 1000.0

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return self._monotonic

    def advance(self, seconds: float) -> datetime:
        """Let time pass; the new wall-clock time."""
        assert seconds >= 0, "elapsed time never goes back; use step() to move the wall clock alone"
        self._monotonic += seconds
        return self.step(seconds)

    def step(self, seconds: float) -> datetime:
        """Move the wall clock alone, back or forth, as NTP or a person does."""
        self._now += timedelta(seconds=seconds)
        return self._now

    def set(self, moment: datetime) -> None:
        """Put the wall clock to a moment, aware; elapsed time stays."""
        assert moment.tzinfo is not None, "a wall clock knows its zone"
        self._now = moment.astimezone(UTC)
