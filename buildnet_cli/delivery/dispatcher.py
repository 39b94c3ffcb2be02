"""Empties the outbox: leases what is due and sends it. Each target has a lane of its own, so a slow one delays nobody else,
and a gate, so that one that takes nothing is left alone.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta

from buildnet_cli.clock import Clock
from buildnet_cli.delivery.breaker import Breaker
from buildnet_cli.delivery.gates import Gates
from buildnet_cli.delivery.lane import Lane
from buildnet_cli.delivery.model import DeliveryStatus, Leased
from buildnet_cli.delivery.outbox import Outbox
from buildnet_cli.delivery.recorder import Recorder
from buildnet_cli.delivery.sender import Outlets, Sender, Tried
from buildnet_cli.errors import StorageError
from buildnet_cli.events.model import Event
from buildnet_cli.messages.model import Message
from buildnet_cli.routing.decision import Target

_log = logging.getLogger(__name__)

_MOST_AT_ONCE = 64
# A last resort: longer than any channel may be told to wait.
_DEADLINE_SECS = 330.0
_LEASE_LIMIT = 256
_LARGEST_PACE = 32

# The wall clock may be set while we wait for a time, and a laptop may sleep: look again at least this often.
_LONGEST_WAIT_SECS = 60.0
# Less is what time services do all the time.
_CLOCK_STEP_SECS = 60.0
_AFTER_FAULT = timedelta(seconds=2)
# Of the time to stop, what is kept for storing how the last sends ended.
_RECORDING_SECS = 1.0


class Dispatcher:
    """Sends what is due, as soon as it is, and tries again what was not taken. One per outbox."""

    def __init__(
        self,
        outbox: Outbox,
        outlets: Outlets,
        render: Callable[[Event], Message],
        clock: Clock,
        *,
        most_at_once: int = _MOST_AT_ONCE,
        deadline_secs: float = _DEADLINE_SECS,
        on_change: Callable[[], None] = lambda: None,
        fold: Callable[[Collection[Target]], Awaitable[object]] | None = None,
    ) -> None:
        """most_at_once: sends in flight, over all targets. deadline_secs: how long one attempt may take in all.

        on_change: called when a target begins or ceases to give trouble.
        fold: awaited before these get what has waited for them too long, to make one message of it.
        """
        self._outbox = outbox
        self._clock = clock
        self._sender = Sender(outlets, render, clock, deadline_secs=deadline_secs)
        self._recorder = Recorder(outbox, self._on_stored)
        self._on_change = on_change
        self._fold = fold
        self._gates = Gates(clock, self._note)
        self._gates.silence(outlets.silenced)
        self._unfolded: set[Target] = set()
        self._has_gates = False
        self._offset: float | None = None
        self._slots = asyncio.Semaphore(most_at_once)
        self._lanes: dict[Target, Lane] = {}
        self._has_news = asyncio.Event()
        self._is_over = asyncio.Event()
        self._is_over.set()
        self._is_ending = False
        self._is_stopping = False
        self._is_outbox_readable = True
        self._is_out_of_room = False
        self._drain_secs = 0.0

    @property
    def trouble(self) -> str:
        """Why nothing is sent just now, in a sentence; empty if nothing stands in the way."""
        if not self._is_outbox_readable:
            return "the outbox cannot be read; sending waits"
        return "" if self._recorder.is_able else "outcomes cannot be stored; sending waits"

    def wake(self) -> None:
        """There may be something to send: look now."""
        self._has_news.set()

    def replace_outlets(self, outlets: Outlets) -> None:
        """Send by another configuration from now on. The former channels may be closed once the deadline of a send has passed."""
        self._sender.outlets = outlets
        self._gates.reload({*outlets.targets, *outlets.silenced})
        self._unfolded |= self._gates.silence(outlets.silenced)
        self.wake()

    @property
    def breakers(self) -> Mapping[Target, Breaker]:
        """The state of every target that has given trouble lately."""
        return self._gates.breakers

    def try_now(self, targets: Iterable[Target]) -> None:
        """A person wants these to be tried now."""
        self._gates.try_now(targets)
        self.wake()

    def withdraw(self, delivery_id: str) -> bool:
        """Take a delivery back that waits in a lane; False if it is being sent at this moment."""
        for lane in self._lanes.values():
            if lane.sending == delivery_id:
                return False
            withdrawn = [leased for leased in lane.waiting if leased.delivery.id == delivery_id]
            for leased in withdrawn:
                lane.waiting.remove(leased)
            self._recorder.release(withdrawn)
        return True

    async def run(self) -> None:
        """Send until `stop`. The leases of a former agent have been voided before."""
        self._is_over.clear()
        recording = asyncio.create_task(self._recorder.run())
        try:
            while not self._is_ending:
                self._has_news.clear()
                await self._sleep(await self._hand_out())
            await self._say_last_words()
            await self._drain()
        finally:
            for lane in self._lanes.values():
                if lane.task is not None:
                    lane.task.cancel()
            recording.cancel()
            self._is_over.set()

    async def stop(self, drain_secs: float) -> None:
        """End within this time: what is due or in flight may finish, one message to each target; the rest stays as it is."""
        self._drain_secs = drain_secs
        self._is_ending = True
        self.wake()
        await self._is_over.wait()

    async def _hand_out(self) -> datetime | None:
        """Give the lanes what is due; when to look again, None for not before there is news."""
        now = self._clock.now()
        if not self._recorder.is_able:
            return now + _AFTER_FAULT
        try:
            await self._load_gates()
            await self._mind_clock(now)
            room = self._gates.limit({lane.target: lane.room for lane in self._lanes.values()}, now)
            self._is_out_of_room = True  # a lane may move on while this is under way
            # Together, so that they cost one turn of the writer.
            leased, due = await asyncio.gather(self._outbox.lease(now, _LEASE_LIMIT, room), self._outbox.next_due(now))
            for each in leased:
                self._enqueue(each)
            self._is_outbox_readable = True
            taken = Counter(each.delivery.target for each in leased)
            self._is_out_of_room = any(taken[target] >= room.get(target, 1) for target in {*taken, *room})
            if len(leased) == _LEASE_LIMIT:
                return now
            moments = (due, self._gates.opens_at(now))
            return min((moment for moment in moments if moment is not None), default=None)
        except StorageError as exc:
            _log.error("the outbox cannot be read; sending waits: %s", exc.message)
        except Exception:  # noqa: BLE001  (the loop goes on; the log has the cause)
            _log.exception("handing out failed; sending waits")
        self._is_outbox_readable = False
        return now + _AFTER_FAULT

    def _on_stored(self, has_news: bool) -> None:
        """Look again if that is worth while: every look costs a turn of the writer."""
        if has_news or self._is_out_of_room:
            self.wake()

    async def _mind_clock(self, now: datetime) -> None:
        """A clock that was set must not make anything wait for the time to come round again, nor expire unheard."""
        offset = now.timestamp() - self._clock.monotonic()
        before, self._offset = self._offset, offset
        step_secs = offset - before if before is not None else 0.0
        if abs(step_secs) > _CLOCK_STEP_SECS:
            _log.warning("the clock was set %s by %.0f s", "forward" if step_secs > 0 else "back", abs(step_secs))
            await self._outbox.mind_clock_step(timedelta(seconds=step_secs))

    async def _load_gates(self) -> None:
        if not self._has_gates:
            self._gates.take_over(await self._outbox.breakers())
            self._unfolded.update(self._sender.outlets.targets)
            self._has_gates = True
            self._on_change()
        if self._unfolded:
            await self._fold_backlog([each for each in self._unfolded if self._gates.is_open(each)])
            self._unfolded.clear()

    def _note(self, target: Target, breaker: Breaker) -> None:
        self._recorder.note(target, breaker)
        self._on_change()

    async def _sleep(self, until: datetime | None) -> None:
        secs = None if until is None else min((until - self._clock.now()).total_seconds(), _LONGEST_WAIT_SECS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(secs):
                await self._has_news.wait()

    def _enqueue(self, leased: Leased) -> None:
        target = leased.delivery.target
        lane = self._lanes.setdefault(target, Lane(target))
        lane.waiting.append(leased)
        if lane.task is None:
            lane.task = asyncio.create_task(self._run_lane(lane), name=f"lane {target}")

    async def _run_lane(self, lane: Lane) -> None:
        try:
            # The gate may have shut while the lease was under way.
            while lane.waiting and not self._is_stopping and not self._gates.is_shut(lane.target):
                await self._send_next(lane)
        finally:
            self._give_back(lane)
            lane.task = None
            if lane.target not in self._sender.outlets.targets:
                self._lanes.pop(lane.target, None)

    async def _send_next(self, lane: Lane) -> None:
        await self._recorder.until_able()
        async with self._slots:
            if not lane.waiting:
                return  # withdrawn while it waited for its turn
            leased = lane.waiting.popleft()
            lane.sending = leased.delivery.id
            started_at, begun = self._clock.now(), self._clock.monotonic()
            try:
                tried = await self._sender.attempt(leased)
            except asyncio.CancelledError:
                self._recorder.add(self._sender.interrupted(leased, started_at))
                raise
            finally:
                lane.sending = ""
        self._recorder.add(tried.attempt)
        was_open = self._gates.is_open(lane.target)
        self._mind(lane.target, tried)
        if self._gates.is_open(lane.target) and not was_open:
            await self._fold_backlog([lane.target])  # while this lane is busy, nothing else goes to its target
        if tried.attempt.status is DeliveryStatus.PENDING or not self._gates.is_open(lane.target):
            # What comes after it in its line must not overtake it, and something more urgent may have come in meanwhile.
            lane.pace = 1
            self._give_back(lane)
        else:
            took = self._clock.monotonic() - begun
            lane.pace = max(1, int(min(_LARGEST_PACE, 1 / took if took > 0 else _LARGEST_PACE)))

    def _mind(self, target: Target, tried: Tried) -> None:
        """What an attempt says about its target."""
        if tried.failure is not None:
            attempt = tried.attempt
            _log.warning("%s: %s", attempt.reason, attempt.answer, extra={"target": str(target), "delivery": attempt.delivery_id})
            self._gates.failed(target, tried.failure, self._sender.outlets.targets)
        elif tried.is_delivered:
            self._gates.delivered(target)

    async def _fold_backlog(self, targets: Collection[Target]) -> None:
        folding = [target for target in targets if target in self._sender.outlets.folding]
        if self._fold is None or not folding:
            return
        try:
            await self._fold(folding)
        except StorageError as exc:
            _log.error("what has waited too long is not folded: %s", exc.message)

    def _give_back(self, lane: Lane) -> None:
        self._recorder.release(lane.waiting)
        lane.waiting.clear()

    async def _say_last_words(self) -> None:
        """Whoever asked for the end, or is to hear of it, hears of it now if it can be."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECORDING_SECS):
                await self._hand_out()
                await asyncio.sleep(0)  # every lane begins with its first
        self._is_stopping = True

    async def _drain(self) -> None:
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=max(0.0, self._drain_secs - _RECORDING_SECS))
            for task in late:
                task.cancel()
            if late:
                await asyncio.wait(late)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_RECORDING_SECS):
                await self._recorder.until_stored()
