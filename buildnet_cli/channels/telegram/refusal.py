"""What Telegram's answer means for the message. Pure.

Source: Telegram Bot API "Making requests" (`{ok, result, description, parameters}`) and the texts of its server.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, clamp_delay, classify, quote

_PERMANENT, _HOLD = Outcome.PERMANENT, Outcome.HOLD

NOT_MODIFIED: Final = "message is not modified"
THREAD_NOT_FOUND: Final = "message thread not found"
CANNOT_PARSE: Final = "can't parse entities"

# Status, how the description begins, outcome, hint; the first row that fits counts.
_ROWS: Final[tuple[tuple[int, str, Outcome, str], ...]] = (
    (400, "chat not found", _PERMANENT, "check the id; add the bot to the group, or have the person press Start in its chat"),
    (400, THREAD_NOT_FOUND, _PERMANENT, "check the chat's thread_id"),
    (400, "topic_closed", _PERMANENT, "open the topic again, or choose another thread_id"),
    (400, "group chat was upgraded", _PERMANENT, "the group has a new id; put that into the configuration"),
    (400, "not enough rights", _PERMANENT, "let the bot post in that chat"),
    (400, "have no rights", _PERMANENT, "let the bot post in that chat"),
    (400, "need administrator rights", _PERMANENT, "make the bot an administrator of the channel"),
    (401, "", _HOLD, "check bot_token; @BotFather shows it; what is waiting is kept"),
    (403, "bot was blocked by the user", _PERMANENT, "the person has to unblock the bot"),
    (403, "user is deactivated", _PERMANENT, "the account is gone; remove it"),
    (403, "bot was kicked", _PERMANENT, "add the bot to the chat again, or remove the chat"),
    (403, "bot is not a member", _PERMANENT, "add the bot to the chat"),
    (403, "bot can't initiate conversation", _PERMANENT, "a bot cannot write first: the person has to press Start in its chat"),
    (403, "bot can't send messages to bots", _PERMANENT, "this is another bot's id; use a person's or a group's"),
    (403, "the group chat was deleted", _PERMANENT, "the group is gone; remove the chat"),
    # It speaks of one chat; the credential is well.
    (403, "", _PERMANENT, "check what the bot may do in that chat"),
    (404, "", _HOLD, "bot_token is no token, or base_url is wrong; what is waiting is kept"),
)


@dataclass(frozen=True, slots=True)
class Told:
    """An answer, read.

    reason: the description without its first words, in lower case. migrate_to: the new id of a group that moved; 0 if it did not.
    retry_after_secs: None if it named no delay.
    """

    is_ok: bool
    result: Mapping[str, Any] = field(default_factory=dict)
    description: str = ""
    reason: str = ""
    migrate_to: int = 0
    retry_after_secs: float | None = None


def read(answer: Answer) -> Told:
    """What an answer says; nothing, if it is not in Telegram's form."""
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        return Told(is_ok=False)
    result, parameters = value.get("result"), value.get("parameters")
    description = str(value.get("description") or "")
    parameters = parameters if isinstance(parameters, dict) else {}
    migrate_to, delay = parameters.get("migrate_to_chat_id"), parameters.get("retry_after")
    return Told(
        is_ok=value.get("ok") is True,
        result=result if isinstance(result, dict) else {},
        description=description,
        reason=description.partition(": ")[2].lower() or description.lower(),
        migrate_to=migrate_to if isinstance(migrate_to, int) else 0,
        retry_after_secs=clamp_delay(delay) if isinstance(delay, int | float) and not isinstance(delay, bool) else None,
    )


def check(answer: Answer, told: Told) -> None:
    """Return if Telegram did what it was asked to. Raises ChannelError otherwise."""
    if told.is_ok or (answer.status == 400 and told.reason.startswith(NOT_MODIFIED)):
        return
    try:
        classify(answer)
    except ChannelError as refused:
        outcome, hint = _meaning(answer.status, told.reason, refused)
        said = f"Telegram {answer.status}: {quote(told.description)}" if told.description else refused.message
        raise ChannelError(
            said,
            outcome=outcome,
            status=answer.status,
            retry_after_secs=told.retry_after_secs or refused.retry_after_secs,
            hint=hint,
        ) from None
    # A captive portal or a proxy's own page: it says 200, and Telegram never saw the message.
    raise ChannelError(
        f"{answer.host} answered with something that is not Telegram's API", outcome=Outcome.RETRY, status=answer.status
    )


def _meaning(status: int, reason: str, refused: ChannelError) -> tuple[Outcome, str]:
    rows = ((outcome, hint) for code, begins, outcome, hint in _ROWS if code == status and reason.startswith(begins))
    return next(rows, (refused.outcome, refused.hint))
