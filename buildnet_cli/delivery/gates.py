"""The breakers of all targets: which of them may be sent to now, and when the next one may be tried again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.backoff import Failure
from buildnet_cli.delivery.breaker import (
    STANDS_ALONE,
    Breaker,
    Flow,
    after_failure,
    after_reload,
    after_success,
    sharing_credential,
)
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)


_UNTIL_CHANGED = (Flow.HELD, Flow.GONE)


class Gates:
    """One gate per target; those that give no trouble are not remembered."""

    def __init__(self, clock: Clock, note: Callable[[Target, Breaker], None]) -> None:
        """note: told of every change, to store it."""
        self._clock = clock
        self._note = note
        self._breakers: dict[Target, Breaker] = {}
        self._silenced: frozenset[Target] = frozenset()

    @property
    def breakers(self) -> Mapping[Target, Breaker]:
        """The state of every target that has given trouble lately."""
        return self._breakers

    def take_over(self, stored: Mapping[Target, Breaker]) -> None:
        """Go on from what a former agent has stored."""
        # We have read the configuration anew: what it may have repaired is tried.
        known = {target: after_reload(each) if each.flow in _UNTIL_CHANGED else each for target, each in stored.items()}
        self._breakers = {**known, **self._breakers}

    def limit(self, room: Mapping[Target, int], now: datetime) -> dict[Target, int]:
        """How many each target may get now; those that are not named may get one."""
        limited = {**room, **dict.fromkeys(self._silenced, 0)}
        for target, breaker in self._breakers.items():
            if breaker.is_shut(now):
                limited[target] = 0
            elif breaker.is_probing:
                limited[target] = min(limited.get(target, 1), 1)
        return limited

    def opens_at(self, now: datetime) -> datetime | None:
        """When the next of them opens; None if none does by itself."""
        shut = [breaker for breaker in self._breakers.values() if breaker.is_shut(now) and breaker.flow is not Flow.GONE]
        moments = [breaker.not_before for breaker in shut]
        return min((moment for moment in moments if moment is not None), default=None)

    def is_shut(self, target: Target) -> bool:
        """Whether nothing may be sent now."""
        breaker = self._breakers.get(target)
        return target in self._silenced or (breaker is not None and breaker.is_shut(self._clock.now()))

    def is_open(self, target: Target) -> bool:
        """Whether more than a probe may be sent now."""
        breaker = self._breakers.get(target)
        return not self.is_shut(target) and (breaker is None or not breaker.is_probing)

    def delivered(self, target: Target) -> None:
        """A target took a message."""
        breaker = self._breakers.get(target)
        if breaker is None:
            return
        if breaker.flow is Flow.HELD and target.channel not in STANDS_ALONE:
            for other, its in list(self._breakers.items()):
                if other.channel == target.channel and its.flow is Flow.HELD:
                    self._change(other, after_success(its))
        else:
            self._change(target, after_success(breaker))

    def failed(self, target: Target, failure: Failure, targets: Collection[Target]) -> None:
        """A target did not take a message. targets: everybody who is configured."""
        now = self._clock.now()
        changed = after_failure(self._breakers.get(target, Breaker()), failure, now)
        meant = sharing_credential(target, targets) if changed.flow is Flow.HELD else [target]
        for each in meant:
            self._change(each, changed)

    def silence(self, targets: frozenset[Target]) -> frozenset[Target]:
        """Nothing goes to these, nor is anything of theirs given up, until this is called again; who is not silenced any more."""
        before, self._silenced = self._silenced, targets
        return before - targets

    def reload(self, targets: Collection[Target]) -> None:
        """Another configuration holds: try everybody anew, and forget who is not configured any more."""
        for target, breaker in list(self._breakers.items()):
            self._change(target, after_reload(breaker) if target in targets else Breaker())

    def try_now(self, targets: Iterable[Target]) -> None:
        """A person wants these to be tried now, whatever they said last."""
        for target in targets:
            self._change(target, after_reload(self._breakers.get(target, Breaker())))

    def _change(self, target: Target, breaker: Breaker) -> None:
        before = self._breakers.get(target, Breaker())
        if breaker == before:
            return
        if breaker.flow is not before.flow:
            _log.warning("%s was %s and is %s", target, before.flow, breaker.flow, extra={"answer": breaker.answer})
        if breaker == Breaker():
            self._breakers.pop(target, None)
        else:
            self._breakers[target] = breaker
        self._note(target, breaker)
