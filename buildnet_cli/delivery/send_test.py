"""Test messages: sent at once and once, past every rule of routing, and told with the provider's own words."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from buildnet_cli.clock import Clock
from buildnet_cli.config.notifications import Notifications
from buildnet_cli.config.recipient import Recipient
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.model import OutgoingMessage
from buildnet_cli.errors import ChannelError, NotFoundError, UsageError
from buildnet_cli.events.model import Event
from buildnet_cli.ids import new_id
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import render
from buildnet_cli.routing.decision import Target

EVENT_TYPE: Final = "custom.test"
"""What a test speaks of unless it is told otherwise."""

_LONGEST_ID = 8
_ID_SHOWN = 4


@dataclass(frozen=True, slots=True)
class SendResult:
    """What became of one test message.

    result: delivered, failed, unsupported, or shown if it was only to be looked at. detail: what the provider said.
    hint: what to do about it. text: the message as a person would read it, if it was only to be looked at.
    """

    channel: str
    recipient: str
    result: str
    took: timedelta
    detail: str
    hint: str = ""
    text: str = ""

    def as_wire(self) -> dict[str, Any]:
        return {
            "channel": self.channel,
            "recipient": self.recipient,
            "result": self.result,
            "duration_ms": round(self.took.total_seconds() * 1000),
            "detail": self.detail,
            "hint": self.hint,
            "text": self.text,
        }


def choose(notifications: Notifications, *, channels: Sequence[str] = (), to: str | None = None) -> list[Recipient]:
    """The recipients that a person means; all of them if nothing is named.

    channels: words for channels or recipients. to: one recipient's name or address.
    Raises UsageError for an unknown channel and NotFoundError for an unknown recipient, with what there is.
    """
    everybody = notifications.all_recipients()
    if not everybody:
        raise NotFoundError("no channel is configured", hint="see: buildnet-notify config sample")
    chosen: list[Recipient] = []
    for word in channels:
        found = notifications.find_recipients(word)
        if not found:
            known_words = [name for known in everybody for name in (known.name, known.channel)]
            raise UsageError(
                f"no channel or recipient is called {ascii(word)[:80]}", hint=_hint(word, known_words), where="channel"
            )
        chosen += found
    chosen = chosen if channels else list(everybody)
    if to is not None:
        chosen = [known for known in chosen if to.casefold() in (known.name.casefold(), known.address.casefold())]
        if not chosen:
            raise NotFoundError(
                f"no recipient is called {ascii(to)[:80]}", hint=_hint(to, [known.name for known in everybody]), where="to"
            )
    return list(dict.fromkeys(chosen))


async def send_test(
    recipients: Sequence[Recipient],
    channels: Mapping[str, Channel],
    event: Event,
    clock: Clock,
    reword: Callable[[Message, str], Message],
    show: Callable[[Message], str] | None = None,
) -> list[SendResult]:
    """Send to all of them at the same time; one result each, in their order.

    reword: a message in the operator's own words for a channel, if there are any.
    show: makes a text of the message instead of sending it.
    """
    message = render(event, is_test=True)

    async def send(recipient: Recipient) -> SendResult:
        began = clock.monotonic()
        target = Target(recipient.channel, recipient.name)
        channel = channels.get(target.channel)
        if channel is None:
            why = f"{target.channel} cannot be sent by this version yet"
            return SendResult(target.channel, target.recipient, "unsupported", timedelta(), why)
        worded = reword(message, target.channel)
        if show is not None:
            return SendResult(target.channel, target.recipient, "shown", timedelta(), "nothing was sent", text=show(worded))
        outgoing = OutgoingMessage(new_id("dlv"), target, worded, attempt=1, sent_at=clock.now())
        try:
            receipt = await channel.send(outgoing)
            result, detail, hint = "delivered", " ".join(filter(None, (_short(receipt.provider_id), receipt.detail))), ""
        except ChannelError as exc:
            result, detail, hint = "failed", exc.message, exc.hint
        return SendResult(target.channel, target.recipient, result, timedelta(seconds=clock.monotonic() - began), detail, hint)

    return list(await asyncio.gather(*(send(recipient) for recipient in recipients)))


def _short(provider_id: str) -> str:
    """Enough of a provider's id to find the message by."""
    return provider_id if len(provider_id) <= _LONGEST_ID else f"{provider_id[:_ID_SHOWN]}…"


def _hint(word: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(word, known, n=1)
    return f'did you mean "{near[0]}"?' if near else f"configured: {', '.join(dict.fromkeys(known))}"
