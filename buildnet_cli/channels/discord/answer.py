"""What Discord's answer means for the message that was sent, by a bot or through a webhook. Pure.

Source: Discord "Opcodes and Status Codes" (JSON error codes), "Rate Limits" (`retry_after` in the body is the exact delay).
"""

from __future__ import annotations

from typing import Any, Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, clamp_delay, classify, json_object, quote, refuse_web_page, retry_after_secs

NO_HISTORY: Final = 160002
"""The code of a reply that is refused because the bot may not read what it answers; without that, it may be taken."""

# Requests that go on meanwhile make such a ban longer.
_BAN_SECS = 3_600.0

_RENEW = "set the bot token of the application's page, Bot; what is waiting is kept"
_NEW_WEBHOOK = "make a new webhook in the channel's settings, Integrations, and set its URL"
_ROOM_ID = "turn on Developer Mode in Discord, copy the channel's id and set it"

# code → what it means, and what a person can do about it
_MEANINGS: Final[dict[int, tuple[Outcome, str]]] = {
    10003: (Outcome.PERMANENT, _ROOM_ID),
    10004: (Outcome.PERMANENT, "the bot is not on that server; invite it"),
    10008: (Outcome.PERMANENT, ""),
    10015: (Outcome.GONE, _NEW_WEBHOOK),
    20016: (Outcome.RETRY, ""),
    20028: (Outcome.RETRY, ""),
    20029: (Outcome.RETRY, ""),
    40001: (Outcome.HOLD, _RENEW),
    40333: (Outcome.RETRY, "Discord blocks this address or a proxy before it; it may need another way out"),
    50001: (Outcome.PERMANENT, "let the bot see the channel: View Channel, for its role, in the channel's permissions"),
    50006: (Outcome.PERMANENT, ""),
    50007: (Outcome.PERMANENT, "the person does not take direct messages; configure a channel"),
    50013: (Outcome.PERMANENT, "let the bot write there: Send Messages and Embed Links, in the channel's permissions"),
    50014: (Outcome.HOLD, _RENEW),
    50027: (Outcome.HOLD, _NEW_WEBHOOK),
    50035: (Outcome.PERMANENT, ""),
    50109: (Outcome.PERMANENT, ""),
    130000: (Outcome.RETRY, ""),
    NO_HISTORY: (Outcome.PERMANENT, "let the bot read the history: Read Message History, in the channel's permissions"),
    220001: (Outcome.PERMANENT, "the channel is a forum: add ?thread_id=ID of one of its posts to the webhook's URL"),
}


class DiscordError(ChannelError):
    """Discord said no, and why. code: its number for it, such as 50013."""

    def __init__(self, code: int, message: str, *, outcome: Outcome, status: int, retry_after: float | None, hint: str) -> None:
        super().__init__(message, outcome=outcome, status=status, retry_after_secs=retry_after, hint=hint)
        self.code = code


def message_id(answer: Answer) -> str:
    """The id of the message that was taken; empty if Discord did not say. Raises ChannelError if it was not taken."""
    said = json_object(answer)
    if _is_ban(answer, said):
        raise ChannelError(
            f"{answer.host} has shut this address out for a while, after too many refused requests",
            outcome=Outcome.RETRY,
            status=answer.status,
            retry_after_secs=max(retry_after_secs(answer) or 0.0, _BAN_SECS),
        )
    try:
        classify(answer)
    except ChannelError as refusal:
        raise _refusal(answer, said, refusal) from None
    refuse_web_page(answer)
    value = said.get("id")
    return value if isinstance(value, str) and value.isascii() and value.isdecimal() else ""


def _is_ban(answer: Answer, said: dict[str, Any]) -> bool:
    """Cloudflare stands before Discord, whose own answers come with `Via` and as JSON. Source: discord.py's HTTP client."""
    return answer.status == 429 and not said and "via" not in answer.headers


def _refusal(answer: Answer, said: dict[str, Any], by_status: ChannelError) -> ChannelError:
    code = _whole(said.get("code"))
    outcome, hint = _MEANINGS.get(code, (by_status.outcome, _RENEW if answer.status == 401 else by_status.hint))
    text = said.get("message")
    # Where it has no code, the text begins with the status: "401: Unauthorized".
    words = quote(text).removeprefix(f"{answer.status}: ") if isinstance(text, str) else ""
    told = f"{answer.host} answered {answer.status}: {words}" if words else by_status.message
    return DiscordError(
        code,
        f"{told} ({code})" if code else told,
        outcome=outcome,
        status=answer.status,
        retry_after=_delay(answer, said, code) if outcome is Outcome.RETRY else None,
        hint=hint,
    )


def _delay(answer: Answer, said: dict[str, Any], code: int) -> float | None:
    if code == 40333:
        return _BAN_SECS
    delay = said.get("retry_after")
    if isinstance(delay, int | float) and not isinstance(delay, bool) and delay > 0:
        return clamp_delay(delay)
    return retry_after_secs(answer)


def _whole(value: Any) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
