"""What an endpoint's answer means, in its provider's own dialect. Pure.

Source: Discord "Rate limits" (`retry_after` in the body is the exact one).
"""

from __future__ import annotations

import json
from typing import Any

from buildnet_cli.channels.webhook import slack_answer
from buildnet_cli.delivery.model import Receipt
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.net.answer import Answer, clamp_delay, classify


def receipt_of(answer: Answer, form: str) -> Receipt:
    """The receipt if the message was taken. Raises ChannelError otherwise.

    form: json, slack or discord.
    """
    if form == "slack":
        slack_answer.check(answer)
    try:
        classify(answer)
    except ChannelError as refusal:
        if form == "discord" and refusal.outcome is Outcome.RETRY:
            refusal.retry_after_secs = _discord_delay(answer) or refusal.retry_after_secs
        raise
    if form != "json" and _is_web_page(answer):
        # A captive portal or a proxy's own page: it says 200, and the provider never saw the message.
        raise ChannelError(
            f"{answer.host} answered with a web page instead of its API", outcome=Outcome.RETRY, status=answer.status
        )
    return Receipt(provider_id=_discord_id(answer) if form == "discord" else "", detail=f"HTTP {answer.status}")


def _is_web_page(answer: Answer) -> bool:
    return answer.headers.get("content-type", "").lower().startswith("text/html") or answer.text.lstrip()[:1] == "<"


def _discord_delay(answer: Answer) -> float | None:
    delay = _object(answer).get("retry_after")
    return clamp_delay(delay) if isinstance(delay, int | float) and not isinstance(delay, bool) and delay > 0 else None


def _discord_id(answer: Answer) -> str:
    value = _object(answer).get("id")
    return value[:40] if isinstance(value, str) else ""


def _object(answer: Answer) -> dict[str, Any]:
    try:
        value = json.loads(answer.text)
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
