"""Events and deliveries to fill an outbox with, and a channel that answers as it is told."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import datetime

from buildnet_cli.delivery.model import Delivery, DeliveryStatus, OutgoingMessage, Receipt
from buildnet_cli.delivery.outbox import Acceptance
from buildnet_cli.delivery.router import Router
from buildnet_cli.events.model import Event
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.ids import new_id
from buildnet_cli.messages.model import Message
from buildnet_cli.routing.decision import Reason, Target
from buildnet_cli.routing.match import Route, RoutingTable
from buildnet_cli.routing.rules import Rules
from tests.support.clocks import START

CI = Target("webhook", "ci")
OPS = Target("webhook", "ops")


def an_event(subject: str = "api", *, priority: Priority = Priority.MEDIUM, at: datetime = START, **fields: object) -> Event:
    """An event with an id of its own."""
    values = {"type": "custom.note", "message": "hello", "source": "test", "payload": {}, **fields}
    return Event(id=new_id("evt"), priority=priority, subject=subject, timestamp=at, **values)


def an_acceptance(*targets: Target, event: Event | None = None, at: datetime = START, key: str = "") -> Acceptance:
    """An event with one pending delivery for each target."""
    event = event or an_event(at=at)
    return Acceptance(event, tuple(_pending(event, target, at) for target in targets), key=key)


def _pending(event: Event, target: Target, at: datetime) -> Delivery:
    reasons = (Reason("match", "it matches", ("notifications", "channels", 0)),)
    return Delivery(
        new_id("dlv"), event.id, target, DeliveryStatus.PENDING, "it matches", at, next_attempt_at=at, reasons=reasons
    )


def a_table(*targets: Target, pattern: str = "*") -> RoutingTable:
    """Every target hears what the pattern means, at every priority."""
    channels = frozenset(target.channel for target in targets)
    return RoutingTable((Route(target, (Pattern.parse(pattern),)) for target in targets), dict.fromkeys(Priority, channels))


def a_router(*targets: Target, pattern: str = "*", default_priority: Priority = Priority.LOW) -> Router:
    """The same, with nothing that holds or suppresses."""
    return Router(Rules(a_table(*targets, pattern=pattern), default_priority=default_priority))


def as_message(event: Event) -> Message:
    """The plainest rendering."""
    return Message(event, event.type, event.message)


class ScriptedChannel:
    """Takes every message, unless something else was scripted for its recipient.

    sent: what it took, in order. tried: every attempt. receipts: what it says to a recipient instead of `ok`.
    """

    kind = "webhook"

    def __init__(self) -> None:
        self.sent: list[OutgoingMessage] = []
        self.tried: list[OutgoingMessage] = []
        self.receipts: dict[str, Receipt] = {}
        self.most_at_once = 0
        self._under_way = 0
        self._faults: dict[str, deque[BaseException]] = defaultdict(deque)
        self._gates: dict[str, asyncio.Event] = {}

    def fail(self, recipient: str, *faults: BaseException) -> None:
        """Raise these, one in each of the next attempts for this recipient."""
        self._faults[recipient].extend(faults)

    def block(self, recipient: str) -> asyncio.Event:
        """Take nothing for this recipient until the event is set."""
        return self._gates.setdefault(recipient, asyncio.Event())

    async def send(self, message: OutgoingMessage) -> Receipt:
        self.tried.append(message)
        self._under_way += 1
        self.most_at_once = max(self.most_at_once, self._under_way)
        try:
            await asyncio.sleep(0)
            if gate := self._gates.get(message.target.recipient):
                await gate.wait()
            if faults := self._faults[message.target.recipient]:
                raise faults.popleft()
        finally:
            self._under_way -= 1
        self.sent.append(message)
        return self.receipts.get(message.target.recipient, Receipt("ok"))

    async def close(self) -> None:
        pass

    def texts(self, target: Target | None = None) -> list[str]:
        """The messages taken, in order."""
        return [each.message.line for each in self.sent if target in (None, each.target)]


async def until(condition: Callable[[], object], *, turns: int = 2000) -> None:
    """Let other tasks run until the condition holds. No time passes: everything that is to happen needs only its turn."""
    for _ in range(turns):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to pass")


async def settle(turns: int = 200) -> None:
    """Let other tasks run for as long as they have something to do."""
    for _ in range(turns):
        await asyncio.sleep(0)
