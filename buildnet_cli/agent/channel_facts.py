"""How each channel stands: whether it is on, who hears through it, whether it can send, and how it took what it was sent last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from buildnet_cli.channels.registry import SUPPORTED
from buildnet_cli.clock import to_rfc3339
from buildnet_cli.config.loader import Loaded
from buildnet_cli.config.origin import KeyPath, dotted
from buildnet_cli.config.recipient import CHANNELS, Recipient
from buildnet_cli.delivery.breaker import Breaker, Flow
from buildnet_cli.routing.decision import Target

_WORST_FIRST = (Flow.HELD, Flow.GONE, Flow.FAILING, Flow.REFUSING)


@dataclass(frozen=True, slots=True)
class Past:
    """What the database knows of targets. delivered_at: when each last took a message."""

    breakers: Mapping[Target, Breaker] = field(default_factory=dict)
    delivered_at: Mapping[Target, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RecipientFacts:
    """One recipient. state: ok, untried, held, gone, failing or refusing. since, answer: of its trouble."""

    recipient: Recipient
    state: str
    since: datetime | None = None
    answer: str = ""
    delivered_at: datetime | None = None

    def as_wire(self) -> dict[str, Any]:
        return {
            "name": self.recipient.name,
            "address": called(self.recipient),
            "events": [pattern.text for pattern in self.recipient.patterns],
            "state": self.state,
            "since": _as_text(self.since),
            "answer": self.answer,
            "last_delivered_at": _as_text(self.delivered_at),
        }


@dataclass(frozen=True, slots=True)
class ChannelFacts:
    """One channel. credentials: key → where its value comes from, never the value. lacking: keys without which it cannot send."""

    name: str
    is_on: bool
    credentials: Mapping[str, str]
    lacking: Sequence[str]
    recipients: Sequence[RecipientFacts]

    @property
    def state(self) -> str:
        """off, not supported yet, the worst of its recipients, ok once one of them got a message, else untried."""
        if not self.is_on:
            return "off"
        if self.name not in SUPPORTED:
            return "not supported yet"
        states = {each.state for each in self.recipients}
        return next((state for state in (*(flow.value for flow in _WORST_FIRST), "ok") if state in states), "untried")

    @property
    def credential(self) -> str:
        """`set`, `missing auth_token`, `none needed`, or nothing of a channel that is not there."""
        if self.lacking:
            return f"missing {', '.join(self.lacking)}"
        if self.credentials:
            return "set"
        return "none needed" if self.is_on else ""

    @property
    def troubled(self) -> RecipientFacts | None:
        """Whoever gives the worst trouble; None if nobody does."""
        return next((each for each in self.recipients if each.answer and each.state == self.state), None)

    def as_wire(self) -> dict[str, Any]:
        delivered = [each.delivered_at for each in self.recipients if each.delivered_at is not None]
        trouble = self.troubled
        return {
            "name": self.name,
            "enabled": self.is_on,
            "state": self.state,
            "credential": self.credential,
            "credentials": dict(self.credentials),
            "recipients": [each.as_wire() for each in self.recipients],
            "since": _as_text(trouble.since) if trouble is not None else None,
            "answer": trouble.answer if trouble is not None else "",
            "last_delivered_at": _as_text(max(delivered, default=None)),
        }


def channel_facts(loaded: Loaded, past: Past) -> list[ChannelFacts]:
    """Every channel that there is, in the order in which they are always listed."""
    return [_facts_of(name, loaded, past) for name in CHANNELS]


def called(recipient: Recipient) -> str:
    """How its channel finds it, without showing all of a telephone number."""
    number = recipient.address
    return f"{number[:2]}•••{number[-3:]}" if recipient.channel == "sms" and number.startswith("+") else number


def _facts_of(name: str, loaded: Loaded, past: Past) -> ChannelFacts:
    notifications = loaded.config.notifications
    section = notifications.channels.section(name)
    recipients = section.all_recipients() if section is not None else ()
    if name == "webhook":
        recipients = tuple(each for each in notifications.all_recipients() if each.channel == name)
    return ChannelFacts(
        name,
        name in notifications.enabled_channels(),
        _credentials_of(name, loaded),
        section.missing() if section is not None else (),
        tuple(_recipient_facts(each, past) for each in recipients),
    )


def _recipient_facts(recipient: Recipient, past: Past) -> RecipientFacts:
    target = Target(recipient.channel, recipient.name)
    breaker, delivered_at = past.breakers.get(target, Breaker()), past.delivered_at.get(target)
    if breaker.flow is Flow.WORKING:
        return RecipientFacts(recipient, "untried" if delivered_at is None else "ok", delivered_at=delivered_at)
    return RecipientFacts(recipient, breaker.flow.value, breaker.since, breaker.answer, delivered_at)


def _credentials_of(name: str, loaded: Loaded) -> dict[str, str]:
    root: KeyPath = ("notifications", "channels", "webhooks" if name == "webhook" else name)
    paths = sorted((path for path in loaded.secrets if path[: len(root)] == root), key=dotted)
    return {dotted(path[len(root) :]): loaded.references.get(path, "written in the file") for path in paths}


def _as_text(moment: datetime | None) -> str | None:
    return to_rfc3339(moment) if moment is not None else None
