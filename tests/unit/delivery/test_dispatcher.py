"""The dispatcher: order, isolation, repeats, faults and its end. No time passes but what the fake clock says."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from buildnet_cli.config.channels.email import Smtp
from buildnet_cli.config.channels.webhook import Webhook
from buildnet_cli.config.fields import Between
from buildnet_cli.config.section import Section
from buildnet_cli.delivery import dispatcher, recorder
from buildnet_cli.delivery.backoff import MOST_CRASHES
from buildnet_cli.delivery.breaker import FIRST_PROBE, LONGEST_PAUSE, MOST_IN_A_ROW, Flow
from buildnet_cli.delivery.dispatcher import Dispatcher
from buildnet_cli.delivery.model import Delivery, DeliveryStatus, Receipt
from buildnet_cli.delivery.redrive import Redrive
from buildnet_cli.delivery.sender import Outlets
from buildnet_cli.errors import ChannelError, ConflictError, Outcome
from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message
from buildnet_cli.routing.decision import Target
from buildnet_cli.store import deliveries
from buildnet_cli.store.outbox import StoredOutbox
from tests.support.clocks import FakeClock
from tests.support.deliveries import CI, OPS, ScriptedChannel, a_router, an_acceptance, an_event, as_message, settle, until
from tests.support.stores import MemoryStore


class Desk:
    """A dispatcher over tables in memory and a channel that does as it is told."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = MemoryStore()
        self.outbox = StoredOutbox(self.store, self.clock)
        self.channel = ScriptedChannel()
        self.poison: set[str] = set()
        self.dispatcher = Dispatcher(self.outbox, self.outlets(CI, OPS), self._render, self.clock, most_at_once=4)
        self._task: asyncio.Task[None] | None = None

    def outlets(self, *targets: Target, silenced: tuple[Target, ...] = (), is_dry_run: bool = False) -> Outlets:
        return Outlets({"webhook": self.channel}, frozenset(targets), silenced=frozenset(silenced), is_dry_run=is_dry_run)

    def _render(self, event: Event) -> Message:
        if event.message in self.poison:
            raise ValueError("no such field")
        return as_message(event)

    async def start(self) -> None:
        await self.outbox.void_leases()
        self._task = asyncio.create_task(self.dispatcher.run())

    async def stop(self, drain_secs: float = 5) -> None:
        await self.dispatcher.stop(drain_secs)
        if self._task is not None:
            await self._task
            self._task = None

    async def accept(self, *notes: str, to: Target = CI, subject: str = "api") -> list[str]:
        given = [
            an_acceptance(to, event=an_event(subject, message=note, at=self.clock.now()), at=self.clock.now()) for note in notes
        ]
        await self.outbox.accept(given)
        self.dispatcher.wake()
        return [acceptance.deliveries[0].id for acceptance in given]

    def advance(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.dispatcher.wake()

    def find(self, delivery_id: str) -> Delivery:
        found = deliveries.find(self.store.db, delivery_id)
        assert found is not None
        return found

    def count(self, status: DeliveryStatus) -> int:
        return deliveries.counts(self.store.db)[status]


def refusal(outcome: Outcome = Outcome.RETRY, text: str = "503 Service Unavailable") -> ChannelError:
    return ChannelError(text, outcome=outcome)


@pytest.fixture
async def desk() -> AsyncIterator[Desk]:
    desk = Desk()
    yield desk
    await desk.stop(0)


async def test_what_is_due_is_sent_and_recorded(desk: Desk) -> None:
    await desk.start()
    (sent,) = await desk.accept("hello")
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    assert desk.channel.texts() == ["hello"]
    assert (desk.find(sent).status, desk.find(sent).answer) == (DeliveryStatus.DELIVERED, "ok")


async def test_messages_to_one_target_keep_their_order(desk: Desk) -> None:
    notes = [str(number) for number in range(100)]
    await desk.accept(*notes)
    await desk.start()
    await until(lambda: len(desk.channel.sent) == 100)
    assert desk.channel.texts() == notes
    assert desk.channel.most_at_once == 1


async def test_a_stuck_target_delays_no_other(desk: Desk) -> None:
    desk.channel.block("ci")
    await desk.start()
    await desk.accept("stuck", to=CI)
    await desk.accept(*map(str, range(50)), to=OPS)
    await until(lambda: len(desk.channel.texts(OPS)) == 50)
    assert desk.channel.texts(CI) == []


async def test_no_more_is_in_flight_than_allowed(desk: Desk) -> None:
    targets = [Target("webhook", f"t{number}") for number in range(10)]
    desk.dispatcher.replace_outlets(desk.outlets(*targets))
    gates = [desk.channel.block(target.recipient) for target in targets]
    for target in targets:
        await desk.accept("x", to=target)
    await desk.start()
    await settle()
    assert len(desk.channel.tried) == 4
    for gate in gates:
        gate.set()
    await until(lambda: len(desk.channel.sent) == 10)


@pytest.mark.parametrize(
    ("fault", "shortest", "longest"),
    [
        (ChannelError("503", outcome=Outcome.RETRY), 2.5, 7.5),
        (ChannelError("no answer", outcome=Outcome.UNKNOWN), 2.5, 7.5),
        (ChannelError("429", outcome=Outcome.RETRY, retry_after_secs=400), 400, 400),
        (ChannelError("401", outcome=Outcome.HOLD), 900, 900),
    ],
)
async def test_what_was_not_taken_stays_pending_and_is_tried_again_in_time(
    desk: Desk, fault: ChannelError, shortest: float, longest: float
) -> None:
    desk.channel.fail("ci", fault)
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    assert desk.find(delivery).status is DeliveryStatus.PENDING
    desk.advance(shortest - 0.1)
    await settle()
    assert len(desk.channel.tried) == 1
    desk.advance(longest - shortest + 0.1)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    assert [message.attempt for message in desk.channel.tried] == [1, 2]
    assert len({message.delivery_id for message in desk.channel.tried}) == 1


async def test_order_holds_through_a_failed_attempt(desk: Desk) -> None:
    desk.channel.fail("ci", refusal())
    await desk.accept("1", "2", "3")
    await desk.accept("other", subject="ui")
    await desk.start()
    await until(lambda: desk.channel.texts() == ["other"])
    await settle()
    assert desk.channel.texts() == ["other"], "2 and 3 wait for 1; another subject does not"
    desk.advance(8)
    await until(lambda: len(desk.channel.sent) == 4)
    assert desk.channel.texts() == ["other", "1", "2", "3"]


async def test_a_refusal_for_good_is_a_dead_letter_with_the_answer(desk: Desk) -> None:
    desk.channel.fail("ci", refusal(Outcome.PERMANENT, "410 Gone"))
    await desk.start()
    dead, alive = await desk.accept("1", "2")
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    assert (desk.find(dead).status, desk.find(dead).answer) == (DeliveryStatus.DEAD, "410 Gone")
    assert desk.find(alive).status is DeliveryStatus.DELIVERED


async def test_a_message_whose_answer_is_lost_twice_is_given_up_and_says_that_it_may_have_arrived(desk: Desk) -> None:
    desk.channel.fail("ci", *[refusal(Outcome.UNKNOWN, "no answer")] * 2)
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    assert "may repeat" in desk.find(delivery).reason
    desk.advance(8)
    await until(lambda: desk.count(DeliveryStatus.DEAD) == 1)
    assert "may have arrived" in desk.find(delivery).reason


async def test_a_delivery_that_may_have_arrived_before_says_so(desk: Desk) -> None:
    desk.channel.fail("ci", refusal(Outcome.UNKNOWN, "no answer"))
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    desk.advance(8)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    assert "may have arrived too" in desk.find(delivery).reason


async def test_a_failing_target_is_left_alone_but_for_one_probe(desk: Desk) -> None:
    desk.channel.fail("ci", *[refusal()] * (MOST_IN_A_ROW + 1))
    await desk.start()
    for number in range(20):
        await desk.accept(str(number), subject=f"s{number}")
    await until(lambda: len(desk.channel.tried) == MOST_IN_A_ROW)
    await settle()
    assert len(desk.channel.tried) == MOST_IN_A_ROW
    assert desk.dispatcher.breakers[CI].flow is Flow.FAILING
    desk.advance(FIRST_PROBE.total_seconds())
    await settle()
    assert len(desk.channel.tried) == MOST_IN_A_ROW + 1, "one probe, which fails as well"
    desk.advance(FIRST_PROBE.total_seconds() * 2)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 20)
    assert CI not in desk.dispatcher.breakers


async def test_a_failing_target_is_still_left_alone_after_a_restart(desk: Desk) -> None:
    desk.channel.fail("ci", *[refusal()] * MOST_IN_A_ROW)
    await desk.start()
    for number in range(10):
        await desk.accept(str(number), subject=f"s{number}")
    await until(lambda: CI in desk.dispatcher.breakers and desk.dispatcher.breakers[CI].flow is Flow.FAILING)
    await desk.stop()
    desk.dispatcher = Dispatcher(desk.outbox, desk.outlets(CI), as_message, desk.clock)
    await desk.start()
    await settle()
    assert len(desk.channel.tried) == MOST_IN_A_ROW
    desk.advance(FIRST_PROBE.total_seconds())
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 10)


async def test_a_refused_credential_holds_its_target_and_no_other(desk: Desk) -> None:
    desk.channel.fail("ci", refusal(Outcome.HOLD, "401 Unauthorized"))
    await desk.start()
    await desk.accept("1", "2")
    await desk.accept("3", subject="ui")
    await desk.accept("4", to=OPS)
    await until(lambda: desk.channel.texts() == ["4"])
    desk.advance(LONGEST_PAUSE.total_seconds() - 1)
    await settle()
    assert len(desk.channel.tried) == 2
    assert desk.count(DeliveryStatus.PENDING) == 3
    desk.advance(1)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 4)


@pytest.mark.parametrize("outcome", [Outcome.HOLD, Outcome.GONE])
async def test_what_only_a_change_can_repair_is_tried_at_once_by_a_new_agent(desk: Desk, outcome: Outcome) -> None:
    desk.channel.fail("ci", refusal(outcome, "no"))
    await desk.start()
    await desk.accept("1", "2")
    await until(lambda: CI in desk.dispatcher.breakers)
    await desk.stop()
    desk.dispatcher = Dispatcher(desk.outbox, desk.outlets(CI), as_message, desk.clock)
    await desk.start()
    await until(lambda: desk.channel.texts()[-1:] == ["2"])
    assert CI not in desk.dispatcher.breakers


async def test_a_receiver_that_is_gone_loses_one_message_and_the_rest_is_kept(desk: Desk) -> None:
    desk.channel.fail("ci", refusal(Outcome.GONE, "410 Gone"))
    await desk.start()
    await desk.accept("1", "2")
    await desk.accept("3", subject="ui")
    await until(lambda: desk.count(DeliveryStatus.DEAD) == 1)
    desk.advance(86_400)
    await settle()
    assert len(desk.channel.tried) == 1
    assert desk.count(DeliveryStatus.PENDING) == 2
    desk.dispatcher.try_now([CI])
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)


async def test_a_held_target_is_tried_at_once_after_a_reload(desk: Desk) -> None:
    desk.channel.fail("ci", refusal(Outcome.HOLD, "401 Unauthorized"))
    await desk.start()
    await desk.accept("1", "2")
    await until(lambda: CI in desk.dispatcher.breakers)
    await settle()
    desk.dispatcher.replace_outlets(desk.outlets(CI))
    await until(lambda: desk.channel.texts() == ["1", "2"])


async def test_a_refused_credential_holds_everybody_of_a_channel_that_shares_it(desk: Desk) -> None:
    dana, kim = Target("sms", "Dana"), Target("sms", "Kim")
    desk.dispatcher.replace_outlets(Outlets({"sms": desk.channel}, frozenset({dana, kim})))
    desk.channel.fail("Dana", refusal(Outcome.HOLD, "20003: authenticate"))
    await desk.start()
    await desk.accept("1", to=dana)
    await until(lambda: kim in desk.dispatcher.breakers)
    await desk.accept("2", to=kim)
    await settle()
    assert len(desk.channel.tried) == 1
    desk.advance(LONGEST_PAUSE.total_seconds())
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)
    assert not desk.dispatcher.breakers


async def test_what_waits_for_a_target_that_works_again_does_not_wait_out_its_own_delay(desk: Desk) -> None:
    desk.channel.fail("ci", ChannelError("503", outcome=Outcome.RETRY, retry_after_secs=7200), *[refusal()] * 4)
    await desk.start()
    await desk.accept("first", subject="a")
    await until(lambda: CI in desk.dispatcher.breakers)
    desk.advance(LONGEST_PAUSE.total_seconds())
    for number in range(5):
        await desk.accept(str(number), subject=f"s{number}")
    await until(lambda: CI in desk.dispatcher.breakers and desk.dispatcher.breakers[CI].flow is Flow.FAILING)
    desk.advance(FIRST_PROBE.total_seconds())
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 6)


async def test_a_delivery_too_old_is_given_up_after_an_attempt(desk: Desk) -> None:
    (delivery,) = await desk.accept("old news")
    desk.channel.fail("ci", refusal())
    desk.advance(100 * 3600)
    await desk.start()
    await until(lambda: desk.count(DeliveryStatus.EXPIRED) == 1)
    assert (desk.find(delivery).attempts, desk.find(delivery).answer) == (1, "503 Service Unavailable")


async def test_a_target_that_is_configured_no_more_gets_nothing(desk: Desk) -> None:
    (delivery,) = await desk.accept("hello")
    desk.dispatcher.replace_outlets(desk.outlets(OPS))
    await desk.start()
    await until(lambda: desk.count(DeliveryStatus.DEAD) == 1)
    assert desk.find(delivery).reason == "webhook:ci is not in the configuration any more"
    assert desk.channel.tried == []


async def test_what_waits_for_a_target_that_is_switched_off_is_kept_until_it_is_on_again(desk: Desk) -> None:
    desk.dispatcher.replace_outlets(desk.outlets(OPS, silenced=(CI,)))
    await desk.start()
    await desk.accept("hello")
    await desk.accept("to somebody else", to=OPS)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    assert [message.target for message in desk.channel.tried] == [OPS]
    assert desk.count(DeliveryStatus.PENDING) == 1
    desk.dispatcher.replace_outlets(desk.outlets(CI, OPS))
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)


async def test_what_waits_in_the_lane_of_a_target_goes_back_when_it_is_switched_off(desk: Desk) -> None:
    may_go = desk.channel.block(CI.recipient)
    await desk.start()
    await desk.accept("first", "second", "third")
    await until(lambda: len(desk.channel.tried) == 1)
    desk.dispatcher.replace_outlets(desk.outlets(OPS, silenced=(CI,)))
    may_go.set()
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)
    await desk.stop()
    assert (desk.count(DeliveryStatus.PENDING), desk.count(DeliveryStatus.DEAD)) == (2, 0)


async def test_a_dry_run_stops_at_the_wire(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "buildnet_cli.delivery")
    desk.dispatcher.replace_outlets(desk.outlets(CI, is_dry_run=True))
    await desk.start()
    await desk.accept("hello")
    await until(lambda: desk.count(DeliveryStatus.SUPPRESSED) == 1)
    assert desk.channel.tried == []
    assert "dry run, not sent to webhook:ci: custom.note: hello" in caplog.messages


async def test_a_message_that_cannot_be_rendered_is_given_up_and_stops_nobody(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.poison.add("poison")
    await desk.start()
    (poison,) = await desk.accept("poison")
    await desk.accept("fine", subject="ui")
    await until(lambda: desk.channel.texts() == ["fine"])
    for _ in range(MOST_CRASHES):
        await settle()
        desk.advance(60)
    await until(lambda: desk.count(DeliveryStatus.DEAD) == 1)
    assert "ValueError" in desk.find(poison).answer
    assert "an attempt crashed" in caplog.text


async def test_a_channel_that_crashes_counts_as_a_failed_attempt(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    desk.channel.fail("ci", KeyError("token"))
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    assert desk.find(delivery).status is DeliveryStatus.PENDING
    assert "KeyError" in caplog.text


async def test_an_attempt_ends_with_its_deadline(desk: Desk) -> None:
    desk.dispatcher = Dispatcher(desk.outbox, desk.outlets(CI), as_message, desk.clock, deadline_secs=0)
    desk.channel.block("ci")
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    (row,) = deliveries.attempts(desk.store.db, delivery)
    assert row["outcome"] == "unknown"


async def test_sending_waits_while_outcomes_cannot_be_stored(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "_TRY_AGAIN_SECS", 0)
    gate = desk.channel.block("ci")
    await desk.accept("1", "2")
    await desk.start()
    await until(lambda: len(desk.channel.tried) == 1)
    desk.store.refuses = True
    gate.set()
    await until(lambda: "outcomes cannot be stored" in caplog.text)
    desk.dispatcher.wake()
    await settle()
    assert len(desk.channel.tried) == 1
    desk.store.refuses = False
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)
    assert desk.channel.texts() == ["1", "2"], "and the first was not sent twice"


async def test_an_answer_that_no_database_can_hold_stops_nobody(desk: Desk) -> None:
    desk.channel.receipts["ci"] = Receipt("id \ud800")
    await desk.start()
    first, _ = await desk.accept("1", "2")
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)
    assert desk.find(first).answer == "id ?"


async def test_an_outcome_that_makes_our_own_code_fail_is_kept_and_tried_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(recorder, "_TRY_AGAIN_SECS", 0)
    finish, desk.outbox.finish = desk.outbox.finish, _raising(RuntimeError("a slip"))
    await desk.start()
    await desk.accept("1", "2")
    await until(lambda: "a slip" in caplog.text)
    await settle()
    assert desk.channel.texts() == ["1"], "sending waits, as it does on a full disk"
    desk.outbox.finish = finish
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)
    assert desk.channel.texts() == ["1", "2"]


@pytest.mark.parametrize("section", [Webhook, Smtp])
def test_an_attempt_may_take_as_long_as_a_channel_may_be_told_to_wait(section: type[Section]) -> None:
    (limit,) = [mark.high for mark in section.model_fields["timeout_secs"].metadata if isinstance(mark, Between)]
    assert limit < dispatcher._DEADLINE_SECS


async def test_what_is_in_flight_may_finish_at_the_end(desk: Desk) -> None:
    gate = desk.channel.block("ci")
    await desk.start()
    first, second = await desk.accept("1", "2")
    await until(lambda: desk.channel.tried)
    stopping = asyncio.create_task(desk.stop())
    await settle()
    gate.set()
    await stopping
    assert desk.find(first).status is DeliveryStatus.DELIVERED
    assert (desk.find(second).status, desk.find(second).attempts) == (DeliveryStatus.PENDING, 0)


async def test_what_does_not_finish_in_time_is_broken_off_and_said_to_be_unknown(desk: Desk) -> None:
    desk.channel.block("ci")
    await desk.start()
    (delivery,) = await desk.accept("1")
    await until(lambda: desk.channel.tried)
    await desk.stop(0)
    assert desk.find(delivery).status is DeliveryStatus.PENDING
    (row,) = deliveries.attempts(desk.store.db, delivery)
    assert row["outcome"] == "interrupted"
    assert await StoredOutbox(desk.store, desk.clock).void_leases() == 0


async def test_a_person_has_a_failing_target_tried_at_once(desk: Desk) -> None:
    desk.channel.fail("ci", *[refusal()] * MOST_IN_A_ROW)
    await desk.start()
    redrive = Redrive(desk.outbox, desk.dispatcher, a_router(CI), lambda: None)
    waiting = [(await desk.accept(str(number), subject=f"s{number}"))[0] for number in range(8)]
    await until(lambda: CI in desk.dispatcher.breakers and desk.dispatcher.breakers[CI].flow is Flow.FAILING)
    await settle()
    await redrive.retry(waiting[-1])
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 8)


async def test_a_delivery_that_waits_in_a_lane_can_be_cancelled_and_one_under_way_cannot(desk: Desk) -> None:
    await desk.start()
    redrive = Redrive(desk.outbox, desk.dispatcher, a_router(CI), lambda: None)
    await desk.accept(*map(str, range(10)))
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 10)
    gate = desk.channel.block("ci")
    first, second, third = await desk.accept("first", "second", "third")
    await until(lambda: len(desk.channel.tried) == 11)
    await settle()
    with pytest.raises(ConflictError, match="being sent"):
        await redrive.cancel(first)
    await redrive.cancel(second)
    gate.set()
    await until(lambda: desk.find(third).status is DeliveryStatus.DELIVERED)
    await settle()
    assert desk.channel.texts()[-2:] == ["first", "third"]
    assert desk.find(second).status is DeliveryStatus.CANCELLED
    (held,) = desk.store.db.execute("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL").fetchone()
    assert held == 0


async def test_a_clock_that_is_set_back_makes_nothing_wait_for_the_time_to_come_round_again(desk: Desk) -> None:
    desk.channel.fail("ci", refusal())
    await desk.start()
    (delivery,) = await desk.accept("hello")
    await until(lambda: desk.find(delivery).answer)
    desk.clock.step(-365 * 24 * 3600)
    desk.advance(1)
    await settle()
    assert len(desk.channel.tried) == 1, "nor does it hurry anything"
    desk.advance(8)
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 1)


async def test_a_clock_that_goes_forward_makes_nothing_expire(desk: Desk) -> None:
    async def jump(message: object) -> None:
        desk.clock.step(365 * 24 * 3600)

    desk.channel.fail("ci", refusal(), refusal(), refusal())
    send, desk.channel.send = desk.channel.send, _before(desk.channel.send, jump)
    (delivery,) = await desk.accept("hello")
    await desk.start()
    await until(lambda: len(desk.channel.tried) == 2)  # set during the first, and again during the second
    desk.channel.send = send
    desk.advance(60)
    await until(lambda: len(desk.channel.tried) == 3)
    await settle()
    desk.advance(300)
    await until(lambda: desk.find(delivery).status is DeliveryStatus.DELIVERED)


async def test_a_clock_that_was_set_back_while_no_agent_ran_makes_nothing_wait(desk: Desk) -> None:
    desk.channel.fail("ci", refusal())
    (tried,) = await desk.accept("tried")
    await desk.start()
    await until(lambda: desk.find(tried).answer)
    await desk.stop()
    await desk.accept("untried", subject="ui")
    desk.clock.step(-365 * 24 * 3600)
    desk.dispatcher = Dispatcher(desk.outbox, desk.outlets(CI), as_message, desk.clock)
    await desk.start()
    await until(lambda: desk.count(DeliveryStatus.DELIVERED) == 2)


async def test_nothing_is_asked_of_the_store_while_nothing_is_due(desk: Desk) -> None:
    await desk.start()
    await settle()
    before = desk.store.writes
    await settle(1000)
    assert desk.store.writes == before


async def test_a_lane_takes_no_more_than_its_target_takes_in_a_second(desk: Desk) -> None:
    async def slowly(message: object) -> None:
        desk.clock.advance(0.25)

    desk.channel.send = _before(desk.channel.send, slowly)
    await desk.accept(*map(str, range(40)))
    await desk.start()
    await until(lambda: len(desk.channel.sent) > 10)
    (held,) = desk.store.db.execute("SELECT count(*) FROM deliveries WHERE lease IS NOT NULL").fetchone()
    assert held <= 5, "four that wait and one that is being recorded"


def _raising(error):
    async def refuse(*args):
        raise error

    return refuse


def _before(send, first):
    async def both(message):
        await first(message)
        return await send(message)

    return both


@pytest.mark.parametrize("asked", [7.0, 3600.0])
async def test_retry_after_seconds_and_date(desk: Desk, asked: float) -> None:
    """Whatever dialect it was asked in; see the table of dialects beside `net/answer`."""
    fault = refusal()
    fault.retry_after_secs = asked
    desk.channel.fail("ci", fault)
    await desk.start()
    (delivery,) = await desk.accept("1")
    await until(lambda: desk.find(delivery).answer)
    await settle()
    due = desk.find(delivery).next_attempt_at
    assert due is not None
    assert due == desk.clock.now() + timedelta(seconds=asked)


async def test_other_target_unaffected(desk: Desk) -> None:
    desk.channel.fail("ci", *[refusal()] * 3)
    await desk.start()
    for number in range(3):
        await desk.accept(f"to one {number}", subject=f"s{number}")
        await desk.accept(f"to the other {number}", subject=f"s{number}", to=OPS)
    await until(lambda: len(desk.channel.texts(OPS)) == 3 and len(desk.channel.tried) == 6)
    assert desk.channel.texts(CI) == []
    await settle()
    desk.advance(3600)
    await until(lambda: len(desk.channel.texts(CI)) == 3)
    assert len(desk.channel.texts(OPS)) == 3, "exactly once each"


async def test_slow_channel_isolated(desk: Desk) -> None:
    gate = desk.channel.block("ci")
    await desk.start()
    for number in range(200):
        await desk.accept(f"slow {number}", subject=f"s{number}")
    await desk.accept("urgent", to=OPS)
    await until(lambda: desk.channel.texts(OPS) == ["urgent"])
    assert desk.channel.texts(CI) == []
    gate.set()
    await until(lambda: len(desk.channel.texts(CI)) == 200, turns=20_000)
