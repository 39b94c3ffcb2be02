"""Messages on a text stream, for an agent in the foreground."""

from __future__ import annotations

from typing import TextIO

from buildnet_cli.delivery.model import OutgoingMessage, Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.messages.facts import one_line
from buildnet_cli.messages.fit import fit, fit_tail, make_visible
from buildnet_cli.messages.model import Message, Tone

RECIPIENT = "terminal"
"""The one recipient of this channel."""

_CODE = 4_000
_LINE = 1_000
_COLOURS = {Tone.GOOD: "\x1b[32m", Tone.NEUTRAL: "\x1b[1m", Tone.WARNING: "\x1b[33m", Tone.PROBLEM: "\x1b[1;31m"}
_PLAIN = "\x1b[0m"


class ConsoleChannel:
    """Writes each message as a few lines.

    stream: whoever opened it closes it. color: whether the headline is coloured; the words say the same.
    """

    kind = "console"

    def __init__(self, stream: TextIO, *, color: bool = False) -> None:
        self._stream = stream
        self._color = color

    async def send(self, message: OutgoingMessage) -> Receipt:
        """Write once. Raises ChannelError if nobody reads the stream any more."""
        text = as_text(message.message, color=self._color)
        encoding = self._stream.encoding or "utf-8"
        try:
            self._stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
            self._stream.flush()
        except (OSError, ValueError):
            raise ChannelError("the terminal is closed", outcome=Outcome.PERMANENT) from None
        return Receipt(detail="printed")

    async def close(self) -> None:
        """Nothing of its own is open."""


def as_text(message: Message, *, color: bool = False) -> str:
    """The message as lines for a terminal, ended by a line feed. Nothing in it can act on the terminal."""
    event = message.event
    headline = _line(f"{message.headline}")
    if color:
        headline = f"{_COLOURS[message.tone]}{headline}{_PLAIN}"
    lines = [f"{event.timestamp:%H:%M:%S} {headline}", f"  {_line(message.line)}"]
    width = max((len(field.label) for field in message.fields), default=0)
    lines += [f"  {_line(field.label):<{width}}  {_line(field.value)}" for field in message.fields]
    if message.code:
        lines += [f"  | {line}" for line in make_visible(fit_tail(message.code, _CODE)).expandtabs(4).splitlines()]
    if message.actions:
        lines.append(f"  {_line(' · '.join(message.actions))}")
    return "\n".join(lines) + "\n"


def _line(text: str) -> str:
    return make_visible(one_line(fit(text, _LINE)))
