"""What a mail says, in order, before it is put as text or as HTML. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import drop_unsafe, fit, fit_tail
from buildnet_cli.messages.model import Message, Tone

_HEADLINE = 300
_LINE = 1_000
_LABEL = 60
_VALUE = 500
_MOST_FIELDS = 20
_CODE = 10_000
_ACTION = 100
_MOST_ACTIONS = 5


@dataclass(frozen=True, slots=True)
class Letter:
    """The parts of a mail, each within its bounds and free of control characters.

    facts: type, priority, machine and time of the event. reason: why the reader gets it. commands: label and what to type.
    """

    subject: str
    headline: str
    line: str
    fields: tuple[tuple[str, str], ...]
    code: str
    actions: tuple[str, ...]
    tone: Tone
    facts: str
    reason: str
    commands: tuple[tuple[str, str], ...] = ()


def letter_of(message: Message, *, subject: str, facts: str, reason: str, commands: tuple[tuple[str, str], ...] = ()) -> Letter:
    """A message as a letter. What is too long is cut: a sentence at its end, a log at its beginning."""
    return Letter(
        subject=subject,
        headline=_line(message.headline, _HEADLINE),
        line=_line(message.line, _LINE),
        fields=tuple((_line(field.label, _LABEL), _line(field.value, _VALUE)) for field in message.fields[:_MOST_FIELDS]),
        code=fit_tail(_plain(message.code), _CODE),
        actions=tuple(_line(action, _ACTION) for action in message.actions[:_MOST_ACTIONS]),
        tone=message.tone,
        facts=facts,
        reason=reason,
        commands=commands,
    )


def _line(text: str, limit: int) -> str:
    return fit(one_line(_plain(text)), limit)


def _plain(text: str) -> str:
    # A no-break space breaks what is copied out of a mail.
    return drop_unsafe(text).replace("\u00a0", " ").expandtabs(4)
