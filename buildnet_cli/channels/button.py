"""What the buttons below a question carry, through the provider and back: which request, whose, and the answer. Pure.

A provider hands a button's value back as it was, in a request that it signs, so nobody can make one up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_VALUE = re.compile(r"(CONFIRM|CANCEL) (req_[0-9A-Za-z]{1,40}) ([0-9A-Z/]{1,70})(?: ([0-9]{6,10}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Button:
    """One answer to the question whether a command shall run.

    word: CONFIRM or CANCEL. asker: the identifier of whom alone the answer is taken from.
    code: what confirms; empty to cancel. Whoever sees the button has been told it, so it is no secret from them.
    """

    word: str
    request_id: str
    asker: str
    code: str = field(default="", repr=False)

    @property
    def value(self) -> str:
        """At most 100 characters, for Discord takes no more: two words, two ids and ten digits."""
        return " ".join(filter(None, (self.word, self.request_id, self.asker, self.code)))

    @property
    def answer(self) -> str:
        """The same answer as somebody would type it."""
        return f"CONFIRM {self.code}" if self.word == "CONFIRM" else "NO"


def read_button(value: str) -> Button | None:
    """The button whose value it is; None if it is none of ours."""
    match = _VALUE.fullmatch(value)
    if match is None or (match[1] == "CONFIRM") is not bool(match[4]):
        return None
    return Button(match[1], match[2], match[3], match[4] or "")
