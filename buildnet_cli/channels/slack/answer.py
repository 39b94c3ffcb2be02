"""What Slack's answer means for the message that was posted. Pure.

Source: Slack "chat.postMessage" and "chat.update" (errors), "Rate limits" (429 with Retry-After in seconds). A refusal comes with
status 200 as well: `{"ok": false, "error": "…"}`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, json_object, quote, refuse_web_page, retry_after_secs

FORM_REFUSED: Final = frozenset(
    {
        "invalid_blocks",
        "invalid_blocks_format",
        "markdown_text_conflict",
        "metadata_too_large",
        "msg_blocks_too_long",
        "msg_too_long",
        "no_text",
        "too_many_attachments",
    }
)
"""Errors that speak of how a message looks; the same words as plain text may be taken."""

THREAD_GONE: Final = frozenset({"cannot_reply_to_message", "message_not_found", "thread_not_found"})
"""Errors that speak of the message that is answered; without it, the same message may be taken."""

_INVITE = "invite the bot with /invite, or give the app the scope chat:write.public and install it again"
_ID = "copy the channel's id from Slack; for a private one, invite the bot first"
_RENEW = "set the bot token (xoxb-…) of the app's page, OAuth & Permissions; what is waiting is kept"
_ADMIN = "ask the workspace's administrators; what is waiting is kept"
_UNARCHIVE = "unarchive the channel, or configure another one"
_NO_POSTING = "the workspace does not let the app post there; ask its administrators, or configure another channel"

# error → what it means, and what a person can do about it
_MEANINGS: Final[dict[str, tuple[Outcome, str]]] = {
    **dict.fromkeys(
        (
            "internal_error",
            "message_limit_exceeded",
            "org_login_required",
            "rate_limited",
            "ratelimited",
            "request_timeout",
            "service_unavailable",
            "team_added_to_org",
        ),
        (Outcome.RETRY, ""),
    ),
    # "Some aspect of the operation may have succeeded."
    "fatal_error": (Outcome.UNKNOWN, ""),
    "channel_not_found": (Outcome.PERMANENT, _ID),
    "is_archived": (Outcome.PERMANENT, _UNARCHIVE),
    "messages_tab_disabled": (Outcome.PERMANENT, "turn on the Messages tab on the app's page, App Home"),
    "not_in_channel": (Outcome.PERMANENT, _INVITE),
    "team_not_found": (Outcome.PERMANENT, "a token for a whole organization needs the channel's id, not its name"),
    "access_denied": (Outcome.HOLD, _ADMIN),
    "account_inactive": (Outcome.HOLD, "the bot's account is disabled; install the app again and set its new token"),
    "ekm_access_denied": (Outcome.HOLD, _ADMIN),
    "invalid_auth": (Outcome.HOLD, _RENEW),
    "missing_scope": (Outcome.HOLD, "give the app the scope chat:write and install it again; what is waiting is kept"),
    "not_allowed_token_type": (Outcome.HOLD, _RENEW),
    "not_authed": (Outcome.HOLD, _RENEW),
    "token_expired": (Outcome.HOLD, _RENEW),
    "token_revoked": (Outcome.HOLD, _RENEW),
}


@dataclass(frozen=True, slots=True)
class Posted:
    """Where a message stands: the channel's id and the message's timestamp, which is its name there."""

    channel: str
    ts: str


class SlackError(ChannelError):
    """Slack said no, and why. error: its word for it, such as `not_in_channel`."""

    def __init__(self, error: str, message: str, *, outcome: Outcome, status: int, retry_after: float | None, hint: str) -> None:
        super().__init__(message, outcome=outcome, status=status, retry_after_secs=retry_after, hint=hint)
        self.error = error


def posted(answer: Answer) -> Posted | None:
    """Where the message stands now; None if Slack took it and did not say. Raises ChannelError if it was not taken."""
    said = json_object(answer)
    if said.get("ok") is False and isinstance(said.get("error"), str):
        raise _refusal(answer, said)
    classify(answer)
    if said.get("ok") is not True:
        refuse_web_page(answer)
        raise ChannelError(
            f"{answer.host} did not say whether it posted the message", outcome=Outcome.UNKNOWN, status=answer.status
        )
    channel, ts = said.get("channel"), said.get("ts")
    return Posted(channel, ts) if isinstance(channel, str) and isinstance(ts, str) else None


def _refusal(answer: Answer, said: dict[str, Any]) -> SlackError:
    error = said["error"]
    outcome, hint = _meaning(error) or _by_status(answer)
    if error == "missing_scope" and isinstance(said.get("needed"), str):
        hint = f"give the app the scope {quote(said['needed'])} and install it again; what is waiting is kept"
    return SlackError(
        error,
        f"{answer.host} answered: {quote(error)}",
        outcome=outcome,
        status=answer.status,
        retry_after=retry_after_secs(answer) if outcome is Outcome.RETRY else None,
        hint=hint,
    )


def _meaning(error: str) -> tuple[Outcome, str] | None:
    return (Outcome.PERMANENT, _NO_POSTING) if error.startswith("restricted_action") else _MEANINGS.get(error)


def _by_status(answer: Answer) -> tuple[Outcome, str]:
    try:
        classify(answer)
    except ChannelError as refusal:
        return refusal.outcome, refusal.hint
    return Outcome.PERMANENT, ""
