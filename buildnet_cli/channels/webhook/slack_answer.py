"""The words with which Slack's incoming webhooks refuse. Pure.

Source: Slack "Sending messages using incoming webhooks", "Handling errors": a status and one word as text.
"""

from __future__ import annotations

from typing import Final

from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, retry_after_secs

_RENEW = "make a new webhook in Slack, on the app's page, Incoming Webhooks, and set its URL"
_ADMIN = "the workspace restricts who may post there; ask its administrators; what is waiting is kept"

# word → what it means, and what a person can do about it
_MEANINGS: Final[dict[str, tuple[Outcome, str]]] = {
    "invalid_token": (Outcome.HOLD, f"the webhook was revoked; {_RENEW}"),
    "invalid_payload": (Outcome.PERMANENT, "a template of the endpoint may have made what Slack cannot read"),
    "invalid_blocks": (Outcome.PERMANENT, "a template of the endpoint may have made blocks that Slack does not know"),
    "no_text": (Outcome.PERMANENT, "Slack wants text: a template of the endpoint has to fill text, blocks or attachments"),
    "too_many_attachments": (Outcome.PERMANENT, "Slack takes at most 100 attachments"),
    "action_prohibited": (Outcome.HOLD, _ADMIN),
    "posting_to_general_channel_denied": (Outcome.HOLD, _ADMIN),
    "channel_not_found": (Outcome.GONE, f"the channel is gone, or private by now; {_RENEW}"),
    "channel_is_archived": (Outcome.GONE, "unarchive the channel, or make a webhook for another one"),
    "no_service": (Outcome.GONE, f"the webhook was removed or turned off; {_RENEW}"),
    "no_service_id": (Outcome.GONE, f"the webhook's URL is not whole; {_RENEW}"),
    "no_active_hooks": (Outcome.GONE, f"the app's webhooks are turned off; {_RENEW}"),
    "no_team": (Outcome.GONE, f"there is no such workspace any more; {_RENEW}"),
    "team_disabled": (Outcome.GONE, "the workspace is disabled"),
    "user_not_found": (Outcome.GONE, f"whom the webhook writes to is gone; {_RENEW}"),
    "rate_limited": (Outcome.RETRY, ""),
    "rollup_error": (Outcome.RETRY, ""),
}


def check(answer: Answer) -> None:
    """Raises ChannelError if Slack refused with a word that it has for that."""
    word = answer.text.strip()
    if 200 <= answer.status < 300 or word not in _MEANINGS:
        return
    outcome, hint = _MEANINGS[word]
    delay = retry_after_secs(answer) if outcome is Outcome.RETRY else None
    told = f"{answer.host} answered {answer.status}: {word}"
    raise ChannelError(told, outcome=outcome, status=answer.status, retry_after_secs=delay, hint=hint)
