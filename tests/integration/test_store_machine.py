"""Random histories of the real store: accepted is always the sum over all states, and no line is ever reversed."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from buildnet_cli.delivery.model import Attempt, DeliveryStatus, Leased
from buildnet_cli.errors import Outcome
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import deliveries, events
from buildnet_cli.store.database import Store
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, an_acceptance, an_event

T = TypeVar("T")
Line = tuple[Target, str]

ENDINGS = st.sampled_from([DeliveryStatus.DELIVERED, DeliveryStatus.DELIVERED, DeliveryStatus.DEAD, DeliveryStatus.PENDING])


class OutboxMachine(RuleBasedStateMachine):
    """Accept, lease, finish, release, and die: in any order, on a real file."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp())
        self.clock = FakeClock()
        self.accepted: dict[Line, list[str]] = defaultdict(list)
        self.ended: dict[Line, list[str]] = defaultdict(list)
        self.events: list[str] = []
        self.held: list[Leased] = []
        self.store = Store.open(self.folder / "notify.db")
        self.outbox = StoredOutbox(self.store, self.clock)
        self.run(self.outbox.void_leases())

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    @rule(
        subjects=st.lists(st.sampled_from(["api", "ui", ""]), min_size=1, max_size=4),
        recipients=st.sampled_from([(CI,), (OPS,), (CI, OPS), ()]),
        priority=st.sampled_from(Priority),
    )
    def accept(self, subjects: list[str], recipients: tuple[Target, ...], priority: Priority) -> None:
        now = self.clock.now()
        given = [an_acceptance(*recipients, event=an_event(each, priority=priority, at=now), at=now) for each in subjects]
        self.run(self.outbox.accept(given))
        self.events += [each.event.id for each in given]
        for acceptance in given:
            for delivery in acceptance.deliveries:
                self.accepted[delivery.target, acceptance.event.subject].append(delivery.id)

    @rule(limit=st.integers(1, 6), room=st.integers(0, 5))
    def lease(self, limit: int, room: int) -> None:
        taken = self.run(self.outbox.lease(self.clock.now(), limit, {CI: room, OPS: room}))
        assert len(taken) <= limit
        self.held += taken

    @precondition(lambda self: self.held)
    @rule(status=ENDINGS)
    def finish_the_oldest(self, status: DeliveryStatus) -> None:
        """As a lane does: what waits behind a failed attempt is given back."""
        first = self.held.pop(0)
        now = self.clock.now()
        again = now + timedelta(seconds=30) if status is DeliveryStatus.PENDING else None
        outcome = None if status is DeliveryStatus.DELIVERED else Outcome.RETRY
        released: list[Leased] = []
        if status is DeliveryStatus.PENDING:
            released = [each for each in self.held if each.delivery.target == first.delivery.target]
            self.held = [each for each in self.held if each not in released]
        else:
            self.ended[first.delivery.target, first.event.subject].append(first.delivery.id)
        attempt = Attempt(first.delivery.id, now, now, outcome, "answer", status, "reason", again)
        self.run(self.outbox.finish([attempt], [each.delivery.id for each in released]))

    @rule(seconds=st.sampled_from([0.001, 10, 30, 3600]))
    def pass_time(self, seconds: float) -> None:
        self.clock.advance(seconds)

    @rule()
    def die_and_start_again(self) -> None:
        self.store.close()
        self.store = Store.open(self.folder / "notify.db")
        self.outbox = StoredOutbox(self.store, self.clock)
        assert self.run(self.outbox.void_leases()) == len(self.held)
        self.held = []

    @invariant()
    def accepted_is_the_sum_over_all_states(self) -> None:
        sums = self.run(self.store.read(deliveries.conservation))
        assert sums.difference == 0
        assert sums.accepted == sum(map(len, self.accepted.values()))
        assert sums.counts[DeliveryStatus.PENDING] == sums.accepted - sum(map(len, self.ended.values()))

    @invariant()
    def no_line_is_reversed(self) -> None:
        for line, ended in self.ended.items():
            assert ended == self.accepted[line][: len(ended)]

    @invariant()
    def whoever_is_first_in_line_has_the_turn_and_nobody_else_waits_with_it(self) -> None:
        rows = self.run(
            self.store.read(
                lambda db: db.execute(
                    "SELECT min(seq), min(CASE WHEN has_turn THEN seq END) FROM deliveries WHERE status = 'pending'"
                    " GROUP BY channel, recipient, subject"
                ).fetchall()
            )
        )
        assert all(first == with_turn for first, with_turn in rows)

    def teardown(self) -> None:
        """Everything can be brought to its end, in order, and every event is still there."""
        try:
            while self.held:
                self.finish_the_oldest(DeliveryStatus.DELIVERED)
            for _ in range(500):
                self.clock.advance(30)
                self.lease(6, 5)
                if not self.held:
                    break
                while self.held:
                    self.finish_the_oldest(DeliveryStatus.DELIVERED)
            assert self.ended == self.accepted
            assert all(self.run(self.store.read(lambda db, each=each: events.find(db, each))) for each in self.events)
        finally:
            self.store.close()
            self.loop.close()
            shutil.rmtree(self.folder)


OutboxMachine.TestCase.settings = settings(
    max_examples=40, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.mark.integration
class TestOutbox(OutboxMachine.TestCase):
    """The machine above, as pytest finds it."""
