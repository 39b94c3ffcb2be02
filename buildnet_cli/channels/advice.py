"""What a provider's refusal means, and the one next step: one row per code, for everything that shows a refusal to a person.

Advice only: what becomes of a message is decided by its status, as providers split and change their codes. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from buildnet_cli.channels.advice_rows import ROWS, Row


@dataclass(frozen=True, slots=True)
class Advice:
    """code: the provider's own number or word. meaning, next_step: a clause each, in lower case, without a full stop."""

    code: str
    meaning: str
    next_step: str


PREPARATION: Final[Mapping[str, str]] = {
    "sms": "a trial account texts verified numbers only",
    "push": "a topic takes messages whether anybody subscribes to it or not",
    "slack": "the bot has to be in each channel: type /invite @YOUR_BOT there",
    "discord": "the bot's role needs View Channel, Send Messages and Embed Links in each channel",
    "telegram": "a bot cannot write first: each person presses Start in its chat, and in a group it has to be a member",
}
"""What has to be done at the provider before anything can arrive."""

CARRIER_KEYWORDS: Final = (
    "Twilio keeps a bare STOP, CANCEL or HELP for itself, and a phone that sends STOP gets nothing more until it sends START: "
    "send HALT, CANCEL with an id, or ? instead"
)
"""What everybody has to know who answers by SMS. Source: Twilio "Support for opt-out keywords"."""


def advice_on(channel: str, answer: str, *, recipient: str = "the recipient") -> Advice | None:
    """What is known of an answer; None for nothing. recipient: how to call whom the message was for."""
    for row in _rows_of(channel):
        if _is_said(row.said or row.code, answer):
            return Advice(row.code, row.meaning, row.next_step.replace("{to}", recipient))
    return None


def _rows_of(channel: str) -> Iterator[Row]:
    yield from ROWS.get(channel, ())
    if channel == "webhook":
        # A webhook may be Discord's, whose numbers stand for nothing else.
        yield from ROWS["discord"]


def _is_said(words: str, answer: str) -> bool:
    return re.search(rf"(?<![\w.]){re.escape(words)}(?!\w)", answer, re.IGNORECASE) is not None
