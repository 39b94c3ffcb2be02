"""What an endpoint's answer means, in its provider's own dialect. Pure.

Source: Slack "Handling errors" of incoming webhooks; Discord "Rate limits" (`retry_after` in the body is the exact one).
"""

from __future__ import annotations

import json
from typing import Any

from buildnet_cli.delivery.model import Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, classify, delay_in_body, quote, retry_after_secs


def receipt_of(answer: Answer, form: str) -> Receipt:
    """The receipt if the message was taken. Raises ChannelError otherwise.

    form: json, slack or discord.
    """
    if form == "slack" and answer.status == 400 and answer.text.strip() == "invalid_token":
        raise ChannelError(
            f"{answer.host} answered 400: invalid_token",
            outcome=Outcome.HOLD,
            status=400,
            hint="the webhook was revoked; make a new one in Slack and set its URL",
        )
    try:
        classify(answer)
    except ChannelError as refusal:
        if form == "discord" and refusal.outcome is Outcome.RETRY:
            refusal.retry_after_secs = delay_in_body(answer) or refusal.retry_after_secs
        raise
    if form != "json" and _is_web_page(answer):
        # A captive portal or a proxy's own page: it says 200, and the provider never saw the message.
        raise ChannelError(
            f"{answer.host} answered with a web page instead of its API", outcome=Outcome.RETRY, status=answer.status
        )
    if form == "slack":
        _refuse_not_ok(answer)
    return Receipt(provider_id=_discord_id(answer) if form == "discord" else "", detail=f"HTTP {answer.status}")


def _refuse_not_ok(answer: Answer) -> None:
    """Slack's Web API, and what speaks like it, says 200 and means no."""
    body = _object(answer)
    if body.get("ok") is not False:
        return
    error = body.get("error")
    word = quote(error) if isinstance(error, str) else "not ok"
    outcome = _SLACK_OUTCOMES.get(word, Outcome.PERMANENT)
    delay = retry_after_secs(answer) if outcome is Outcome.RETRY else None
    raise ChannelError(f"{answer.host} answered: {word}", outcome=outcome, status=answer.status, retry_after_secs=delay)


# Source: Slack, errors of chat.postMessage.
_SLACK_OUTCOMES = {
    **dict.fromkeys(("ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable"), Outcome.RETRY),
    **dict.fromkeys(("invalid_auth", "not_authed", "account_inactive", "token_revoked", "token_expired"), Outcome.HOLD),
}


def _is_web_page(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").lower().startswith("text/html") or answer.text.lstrip()[:1] == "<"


def _discord_id(answer: Answer) -> str:
    value = _object(answer).get("id")
    return value[:40] if isinstance(value, str) else ""


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
