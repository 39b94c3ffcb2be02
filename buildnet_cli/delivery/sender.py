"""One attempt: render, send within the deadline, and say what came of it."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.backoff import Failure, fate_of
from buildnet_cli.delivery.channel import Channel
from buildnet_cli.delivery.clean import clean_text
from buildnet_cli.delivery.model import Attempt, DeliveryStatus, FirstTold, Leased, OutgoingMessage, Thread
from buildnet_cli.errors import ChannelError, Outcome
from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message
from buildnet_cli.messages.render import updated, with_repeats
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)

_LONGEST_ANSWER = 2000
_MOST_REMEMBERED = 32
_MOST_FIRSTS = 256


@dataclass(frozen=True, slots=True)
class Outlets:
    """Where messages may go, by one configuration.

    channels: open ones, by kind. targets: everybody who is configured, and on. silenced: who is configured, and switched off.
    folding: those who are told in one message what they could not be told in time: people's chats and telephones.
    is_dry_run: render and log, and stop at the wire.
    reword: a message in the operator's own words for a channel, if there are any.
    """

    channels: Mapping[str, Channel]
    targets: Collection[Target]
    folding: Collection[Target] = frozenset()
    silenced: frozenset[Target] = frozenset()
    is_dry_run: bool = False
    reword: Callable[[Message, str], Message] = field(default=lambda message, _: message)


@dataclass(frozen=True, slots=True)
class Tried:
    """A finished attempt. failure: what it says about the target; None if it took the message, or was not asked."""

    attempt: Attempt
    failure: Failure | None = None

    @property
    def is_delivered(self) -> bool:
        return self.attempt.status is DeliveryStatus.DELIVERED


class Sender:
    """Makes attempts, one per call, any number at the same time."""

    def __init__(
        self,
        outlets: Outlets,
        render: Callable[[Event], Message],
        clock: Clock,
        *,
        deadline_secs: float,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """render: an event's message. deadline_secs: how long one attempt may take in all. jitter: from 0 to 1, at random."""
        self.outlets = outlets
        self._render = render
        self._clock = clock
        self._deadline_secs = deadline_secs
        self._jitter = jitter
        self._messages: dict[str, Message] = {}
        self._firsts: dict[tuple[str, Target], FirstTold] = {}

    async def attempt(self, leased: Leased) -> Tried:
        """Try once. Whatever goes wrong is in the answer; only cancellation is raised."""
        delivery, outlets = leased.delivery, self.outlets
        started_at = self._clock.now()
        channel = outlets.channels.get(delivery.target.channel)
        if channel is None or (delivery.address is None and delivery.target not in outlets.targets):
            reason = f"{delivery.target} is not in the configuration any more"
            return self._final(leased, started_at, DeliveryStatus.DEAD, Outcome.PERMANENT, reason, "not tried")
        try:
            rendered = outlets.reword(self._message_of(leased.event), channel.kind)
            message = OutgoingMessage(
                delivery.id,
                delivery.target,
                with_repeats(rendered, delivery.repeats),
                delivery.attempts,
                started_at,
                delivery.incident,
                self._thread(leased, rendered, channel.kind),
                delivery.repeats,
                delivery.address.to if delivery.address is not None else "",
            )
            if outlets.is_dry_run:
                text = f"{message.message.title}: {message.message.line}"
                _log.info("dry run, not sent to %s: %s", delivery.target, text, extra={"delivery": delivery.id})
                return self._final(
                    leased, started_at, DeliveryStatus.SUPPRESSED, None, "dry run: rendered and logged, not sent", text
                )
            async with asyncio.timeout(self._deadline_secs):
                receipt = await channel.send(message)
            answer = " ".join(part for part in (receipt.provider_id, receipt.detail) if part)
        except ChannelError as exc:
            return self._failed(leased, started_at, Failure(exc.outcome, clean_text(exc.message), exc.retry_after_secs))
        except TimeoutError:
            return self._failed(leased, started_at, Failure(Outcome.UNKNOWN, f"no answer within {self._deadline_secs:g} s"))
        except Exception as exc:  # noqa: BLE001  (one bad message must not stop the others)
            _log.exception("an attempt crashed", extra={"target": str(delivery.target), "delivery": delivery.id})
            cause = f"our own fault ({type(exc).__name__}); the agent's log has the cause"
            return self._failed(leased, started_at, Failure(Outcome.CRASHED, cause))
        if receipt.ref and delivery.incident and self._first_told(leased) is None:
            self._remember(leased, receipt.ref)
        may_be_twice = any(leased.effort.count(outcome) for outcome in (Outcome.UNKNOWN, Outcome.INTERRUPTED))
        reason = "delivered; an earlier attempt may have arrived too" if may_be_twice else "delivered"
        return self._final(leased, started_at, DeliveryStatus.DELIVERED, None, reason, answer, receipt.ref)

    def _message_of(self, event: Event) -> Message:
        """One message goes to many targets at about the same time."""
        message = self._messages.get(event.id)
        if message is None:
            if len(self._messages) >= _MOST_REMEMBERED:
                self._messages.clear()
            message = self._messages[event.id] = self._render(event)
        return message

    def interrupted(self, leased: Leased, started_at: datetime) -> Attempt:
        """What an attempt comes to that was broken off: nobody knows whether it arrived."""
        failure = Failure(Outcome.INTERRUPTED, "the agent stopped before the answer came")
        return self._failed(leased, started_at, failure).attempt

    def _thread(self, leased: Leased, latest: Message, kind: str) -> Thread | None:
        address, first = leased.delivery.address, self._first_told(leased)
        if address is not None:
            return Thread(address.thread, None) if address.thread else None
        if first is None:
            return None
        return Thread(first.ref, updated(self.outlets.reword(self._message_of(first.event), kind), latest))

    def _first_told(self, leased: Leased) -> FirstTold | None:
        """What the target was told first; what was leased together with that could not know of it yet."""
        return leased.first or self._firsts.get((leased.delivery.incident, leased.delivery.target))

    def _remember(self, leased: Leased, ref: str) -> None:
        if len(self._firsts) >= _MOST_FIRSTS:
            self._firsts.clear()
        self._firsts[leased.delivery.incident, leased.delivery.target] = FirstTold(ref, leased.event)

    def _failed(self, leased: Leased, started_at: datetime, failure: Failure) -> Tried:
        now = self._clock.now()
        fate = fate_of(failure, leased.effort, leased.event.priority, now, self._jitter(), started_at=started_at)
        attempt = Attempt(
            delivery_id=leased.delivery.id,
            started_at=started_at,
            finished_at=now,
            outcome=failure.outcome,
            answer=failure.answer[:_LONGEST_ANSWER],
            status=fate.status,
            reason=fate.reason,
            next_attempt_at=fate.next_attempt_at,
        )
        return Tried(attempt, failure)

    def _final(
        self,
        leased: Leased,
        started_at: datetime,
        status: DeliveryStatus,
        outcome: Outcome | None,
        reason: str,
        answer: str,
        ref: str = "",
    ) -> Tried:
        attempt = Attempt(
            delivery_id=leased.delivery.id,
            started_at=started_at,
            finished_at=self._clock.now(),
            outcome=outcome,
            answer=clean_text(answer)[:_LONGEST_ANSWER],
            status=status,
            reason=reason,
            ref=ref,
        )
        return Tried(attempt)
