"""What the stand-ins received, and how they are told to misbehave. In memory and bounded; nothing here knows HTTP."""

from __future__ import annotations

import itertools
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from buildnet_cli.clock import to_rfc3339
from buildnet_cli.errors import UsageError
from buildnet_cli.sandbox.reading import Reading, read

WEBHOOK: Final = "webhook"
"""What the provider of a plain hook is called."""

MAX_MESSAGES = 1_000
"""Messages that are kept; older ones go."""
MAX_HOOKS = 200
"""Hooks that may have faults waiting."""
MAX_FAULTS = 1_000
"""Answers that may wait for one hook."""

_ANSWER = 'an answer is a status from 200 to 599, "hang", or {"status", "retry_after", "text"}'


@dataclass(frozen=True, slots=True)
class Answer:
    """How a stand-in answers one request.

    status: HTTP status. retry_after: seconds for the header of that name.
    hangs: no answer at all. text: body, if not the usual one.
    """

    status: int = 200
    retry_after: float | None = None
    hangs: bool = False
    text: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One request that reached a stand-in.

    number: 1, 2, 3 … in the order of arrival. provider: `webhook`, `twilio` …
    recipient: whom it is for: a hook's name, a phone number, an address, a room.
    body: parsed JSON if it was JSON, else text or the fields of a form.
    answered: the status it got; 0 if it was left hanging.
    reading: as a person would see it. thread: number of the message that it answers; 0 for none.
    replaces: number of the message whose text it changes; 0 for none.
    """

    number: int
    recipient: str
    method: str
    received_at: datetime
    headers: Mapping[str, str]
    body: Any
    answered: int
    reading: Reading
    provider: str = WEBHOOK
    thread: int = 0
    replaces: int = 0

    def as_wire(self) -> dict[str, Any]:
        """The request as `GET /api/messages` and the journal show it."""
        return {
            "number": self.number,
            "provider": self.provider,
            "recipient": self.recipient,
            "method": self.method,
            "received_at": to_rfc3339(self.received_at),
            "headers": dict(self.headers),
            "body": self.body,
            "answered": self.answered,
            "thread": self.thread,
            "replaces": self.replaces,
        }


@dataclass(slots=True)
class Inbox:
    """Messages by arrival, and the answers that were asked for in advance."""

    _messages: deque[Received] = field(default_factory=lambda: deque(maxlen=MAX_MESSAGES))
    _answers: dict[str, deque[Answer]] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    def next_answer(self, recipient: str, provider: str = WEBHOOK) -> Answer:
        """How the next request is to be answered: as scripted for its recipient, else for its provider, else well."""
        waiting = self._answers.get(recipient) or self._answers.get(provider)
        return waiting.popleft() if waiting else Answer()

    def keep(
        self,
        recipient: str,
        method: str,
        headers: Mapping[str, str],
        body: Any,
        received_at: datetime,
        *,
        answered: int,
        provider: str = WEBHOOK,
        reading: Reading | None = None,
        thread: int = 0,
        replaces: int = 0,
    ) -> Received:
        """Keep a request. reading: as a person would see it; read from the body if it is None."""
        message = Received(
            next(self._numbers),
            recipient,
            method,
            received_at,
            headers,
            body,
            answered,
            reading or read(body),
            provider,
            thread,
            replaces,
        )
        self._messages.append(message)
        return message

    def messages(self, since: int = 0) -> list[Received]:
        """Everything kept with a number above `since`, oldest first."""
        return [message for message in self._messages if message.number > since]

    @property
    def last_number(self) -> int:
        """The number of the newest message kept; 0 if there is none."""
        return self._messages[-1].number if self._messages else 0

    def script(self, recipient: str, answers: Sequence[Answer]) -> None:
        """The next requests to a hook get these answers, in order; after them it is well again. Replaces what was waiting.

        Raises UsageError beyond the bounds.
        """
        if len(answers) > MAX_FAULTS or (recipient not in self._answers and len(self._answers) >= MAX_HOOKS):
            raise UsageError(f"at most {MAX_FAULTS} answers for each of {MAX_HOOKS} hooks can wait")
        self._answers[recipient] = deque(answers)

    def clear(self) -> None:
        """Forget messages and scripts; numbers go on."""
        self._messages.clear()
        self._answers.clear()


def read_answers(value: Any) -> list[Answer]:
    """Read `{"answers": [503, {"status": 429, "retry_after": 1}, "hang", 200]}`. Raises UsageError, which names the flaw."""
    answers = value.get("answers") if isinstance(value, dict) else None
    if not isinstance(answers, list):
        raise UsageError('faults are written as {"answers": [503, {"status": 429, "retry_after": 1}, "hang", 200]}')
    return [_read_answer(answer) for answer in answers]


def _read_answer(value: Any) -> Answer:
    if value == "hang":
        return Answer(hangs=True)
    fields = value if isinstance(value, dict) else {"status": value}
    status, retry_after, text = fields.get("status"), fields.get("retry_after"), fields.get("text")
    if not isinstance(status, int) or isinstance(status, bool) or not 200 <= status <= 599:
        raise UsageError(_ANSWER)
    is_delay = retry_after is None or (isinstance(retry_after, int | float) and 0 <= retry_after <= 86_400)
    if not is_delay or not isinstance(text, str | None) or fields.keys() - {"status", "retry_after", "text"}:
        raise UsageError(_ANSWER)
    return Answer(status=status, retry_after=retry_after, text=text)
