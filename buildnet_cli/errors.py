"""What can go wrong, as one tree. The terminal turns a kind into an exit code, the API into a status; nobody else knows either.

BuildNetError
├── UsageError          the caller asked for something that makes no sense
│   └── TooLargeError       it is larger than is taken
├── ConfigError         the configuration is missing, unreadable or wrong (carries its problems)
├── DeniedError         the caller may not do this
├── TooManyError        the caller may do this, and has done it too often (carries when to come again)
├── UnreachableError    the agent or the engine does not answer
├── NotFoundError       nothing matched
│   └── UnknownPackageError   a build was asked for of something that is no package
├── ConflictError       what was asked contradicts what is (a finished build, a used code)
├── ConfirmationError   a code is wrong, used or unknown (nothing ran)
│   └── ConfirmationExpiredError   it came too late
├── TimedOutError       the answer did not come in the time allowed
├── UnsupportedError    this engine, channel or version cannot do it
├── StorageError        the disk or the database refuses (nothing was accepted)
└── ChannelError        a provider did not take a message (carries what to do about it)
"""

from __future__ import annotations

import enum


class Kind(enum.Enum):
    """What the caller is to make of a failure. One exit code and one HTTP status belong to each."""

    FAILED = "failed"
    USAGE = "usage"
    TOO_LARGE = "too_large"
    CONFIG = "config"
    DENIED = "denied"
    TOO_MANY = "too_many"
    UNREACHABLE = "unreachable"
    CONFIRMATION_NEEDED = "confirmation_needed"
    CONFIRMATION_WRONG = "confirmation_wrong"
    CONFIRMATION_EXPIRED = "confirmation_expired"
    PARTLY = "partly"
    NOT_FOUND = "not_found"
    UNKNOWN_PACKAGE = "unknown_package"
    CONFLICT = "conflict"
    TIMEOUT = "timeout"
    UNSUPPORTED = "unsupported"
    STORAGE = "storage"


class BuildNetError(Exception):
    """A failure with a sentence for a person.

    message: what failed and why, without secrets and without a Python class name.
    hint: what to type or do next; empty if nothing helps.
    where: `file:line:column`, a field or a host; empty if it has no place.
    """

    kind = Kind.FAILED

    def __init__(self, message: str, *, hint: str = "", where: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint
        self.where = where

    def report(self) -> str:
        """All there is to say, ready to be printed in place of the message; empty if the message is all."""
        return ""


class UsageError(BuildNetError):
    """The caller asked for something that makes no sense, such as an unknown argument."""

    kind = Kind.USAGE


class TooLargeError(UsageError):
    """What was handed in is larger than is taken; over HTTP this has a status of its own."""

    kind = Kind.TOO_LARGE


class ConfigError(BuildNetError):
    """The configuration is missing, unreadable or wrong."""

    kind = Kind.CONFIG


class DeniedError(BuildNetError):
    """The caller may not do this."""

    kind = Kind.DENIED


class TooManyError(BuildNetError):
    """The caller asks too often.

    retry_after_secs: how long to wait before asking again.
    """

    kind = Kind.TOO_MANY

    def __init__(self, message: str, *, retry_after_secs: float, hint: str = "", where: str = "") -> None:
        super().__init__(message, hint=hint, where=where)
        self.retry_after_secs = retry_after_secs


class UnreachableError(BuildNetError):
    """The agent or the engine does not answer."""

    kind = Kind.UNREACHABLE


class NotFoundError(BuildNetError):
    """Nothing matched what was asked for."""

    kind = Kind.NOT_FOUND


class UnknownPackageError(NotFoundError):
    """A build was asked for of something that is no package; over HTTP this is a bad argument, not a missing resource."""

    kind = Kind.UNKNOWN_PACKAGE


class ConflictError(BuildNetError):
    """What was asked contradicts the present state, such as cancelling a finished build."""

    kind = Kind.CONFLICT


class ConfirmationError(BuildNetError):
    """A confirmation code is wrong, used or asked for by nobody: nothing ran."""

    kind = Kind.CONFIRMATION_WRONG


class ConfirmationExpiredError(ConfirmationError):
    """A confirmation code came too late: nothing ran."""

    kind = Kind.CONFIRMATION_EXPIRED


class TimedOutError(BuildNetError):
    """The answer did not come in the time allowed."""

    kind = Kind.TIMEOUT


class UnsupportedError(BuildNetError):
    """This engine, channel or version cannot do it; it is never faked."""

    kind = Kind.UNSUPPORTED


class StorageError(BuildNetError):
    """The disk or the database refused: what was handed in has not been accepted."""

    kind = Kind.STORAGE


class Outcome(enum.Enum):
    """What a failed attempt means for its delivery."""

    RETRY = "retry"
    """Not taken; the same message may be tried again later."""
    PERMANENT = "permanent"
    """Refused for good; trying again cannot help."""
    GONE = "gone"
    """The receiver is no more: this message is given up, and nothing else is sent to it until a person has looked."""
    HOLD = "hold"
    """The channel's credential is refused: keep everything until it is changed."""
    UNKNOWN = "unknown"
    """It may have arrived; the answer was lost."""
    CRASHED = "crashed"
    """Our own code failed; the provider has nothing to do with it."""
    INTERRUPTED = "interrupted"
    """We ended before the answer came; it may have arrived."""


class ChannelError(BuildNetError):
    """A provider did not take a message.

    outcome: what that means for the delivery.
    status: the provider's status code, HTTP or SMTP; None if there was no answer.
    retry_after_secs: the provider's own delay in seconds; None if it named none.
    """

    def __init__(
        self,
        message: str,
        *,
        outcome: Outcome,
        status: int | None = None,
        retry_after_secs: float | None = None,
        hint: str = "",
    ) -> None:
        super().__init__(message, hint=hint)
        self.outcome = outcome
        self.status = status
        self.retry_after_secs = retry_after_secs
