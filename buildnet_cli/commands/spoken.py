"""What a person on a channel is told of a command: a sentence or two, and what to send next. Pure."""

from __future__ import annotations

from datetime import datetime

from buildnet_cli.clock import from_rfc3339
from buildnet_cli.commands.model import CommandResult, CommandStatus
from buildnet_cli.duration import format_duration


def answer_to(result: CommandResult, now: datetime) -> str:
    """The answer to whoever asked: how it ended and, where that helps, what to send next.

    A code stands in it only if it is the asker's to know.
    """
    if result.status is CommandStatus.CONFIRMATION_REQUIRED:
        return f"{result.message} {_how_to_confirm(result, now)}"
    hint = f" {_sentence(result.hint)}" if result.kind is not None and result.hint else ""
    return f"{_sentence(result.message)}{hint}"


def _how_to_confirm(result: CommandResult, now: datetime) -> str:
    expires_at = from_rfc3339(str(result.result["expires_at"]))
    within = format_duration(expires_at - now)
    code = result.result.get("code")
    what = f"Reply YES {code}" if code else "Reply YES and the code that was sent elsewhere"
    return f"{what} within {within} to run it, or NO to drop it."


def _sentence(text: str) -> str:
    text = text.strip()
    return text[:1].upper() + text[1:] + ("" if text.endswith((".", "?", "!", ":")) or "\n" in text else ".")
