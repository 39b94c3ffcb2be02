"""What became of a text message after Twilio had taken it, as Twilio reports it later. Pure.

Source: Twilio "Track outbound message status" (states come in any order); "Error and Warning Dictionary", 30001 to 30035.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from buildnet_cli.channels.sms import inbound
from buildnet_cli.config.channels.sms import Sms
from buildnet_cli.errors import Outcome, UsageError


class State(enum.StrEnum):
    """Where a message stands at Twilio; the last four are final."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    UNDELIVERED = "undelivered"
    FAILED = "failed"
    CANCELED = "canceled"

    @property
    def is_final(self) -> bool:
        return _STEPS[self] == _LAST

    def may_follow(self, earlier: State) -> bool:
        """Whether this is news to who knows the earlier state: reports overtake each other, and nothing goes back."""
        return _STEPS[self] > _STEPS[earlier]


_STEPS: Final = {State.QUEUED: 0, State.SENDING: 1, State.SENT: 2} | dict.fromkeys(
    (State.DELIVERED, State.UNDELIVERED, State.FAILED, State.CANCELED), 3
)
_LAST: Final = 3
_SPELLINGS: Final = {"accepted": State.QUEUED, "scheduled": State.QUEUED, "read": State.DELIVERED}

_OUTCOMES: Final[Mapping[int, Outcome]] = {
    # A queue that ran over, a phone that is off, no reason given, a limit by the minute or the day, a number on its way.
    **dict.fromkeys((30001, 30003, 30008, 30022, 30023, 30035), Outcome.RETRY),
    # Suspended, blocked, no such phone, a landline, filtered, not verified, not registered.
    **dict.fromkeys((30002, 30004, 30005, 30006, 30007, 30032, 30034), Outcome.PERMANENT),
}


@dataclass(frozen=True, slots=True)
class StatusReport:
    """One report on one message.

    message_id: as Twilio named the message when it took it. code: Twilio's reason for an end that is not good; None without one.
    """

    message_id: str
    state: State
    code: int | None = None

    @property
    def outcome(self) -> Outcome | None:
        """What an end that is not good means for the message: RETRY or PERMANENT. None if it is no such end."""
        if self.state not in (State.UNDELIVERED, State.FAILED):
            return None
        return _OUTCOMES.get(self.code or 0, Outcome.PERMANENT)


def read(sms: Sms, url: str, headers: Mapping[str, str], body: bytes) -> StatusReport:
    """What Twilio reports. Arguments and errors as for `inbound.read`."""
    fields = inbound.own_fields(sms, url, headers, body)
    told = fields.get("MessageStatus") or fields.get("SmsStatus", "")
    state = _SPELLINGS.get(told) or (State(told) if told in State.__members__.values() else None)
    if state is None:
        raise UsageError("the report tells of no state of a message that we sent", where="MessageStatus")
    code = fields.get("ErrorCode", "")
    return StatusReport(inbound.read_sid(fields), state, int(code) if re.fullmatch(r"[1-9][0-9]{0,5}", code) else None)
