"""A message: what we say of an event, before a channel gives it its form."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from buildnet_cli.events.model import Event


class Tone(enum.StrEnum):
    """What a message means for its reader; a channel may colour it, but the words carry it alone."""

    GOOD = "good"
    NEUTRAL = "neutral"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Field:
    """A labelled fact below the headline. is_short: may stand beside another one."""

    label: str
    value: str
    is_short: bool = True


@dataclass(frozen=True, slots=True)
class Message:
    """One rendering, from which every channel makes its own.

    title: the state in a few words, such as `api FAILED`.
    line: one sentence with the fact that matters most.
    fields: further facts, most important first.
    code: log lines, to be shown unwrapped; empty if there are none.
    actions: commands that can be sent back, such as `BUILD api`; only ones that exist.
    is_test: marked as such wherever it is shown. is_answer: whether whoever gets it has asked for it.
    was: the title of an older state, to be shown struck through behind the present one; empty if there is none.
    """

    event: Event
    title: str
    line: str
    fields: tuple[Field, ...] = ()
    code: str = ""
    actions: tuple[str, ...] = ()
    is_test: bool = False
    is_answer: bool = False
    tone: Tone = Tone.NEUTRAL
    was: str = ""

    @property
    def origin(self) -> tuple[str, ...]:
        """What it is, how urgent and whence, for the small print; nothing for an answer, whose reader knows."""
        event = self.event
        return () if self.is_answer else tuple(filter(None, (event.type, event.priority.value, event.source)))

    @property
    def headline(self) -> str:
        """The title, marked if this is a test."""
        return f"TEST · {self.title}" if self.is_test else self.title
