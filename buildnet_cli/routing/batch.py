"""The batch stage: what may wait is collected for a while, counted from the first of it, into one message."""

from __future__ import annotations

from datetime import datetime, timedelta

from buildnet_cli.duration import format_duration
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Action, Case, Reason, Stage, Verdict
from buildnet_cli.routing.memory import Memory


def judge(case: Case, delay: timedelta, most: int, memory: Memory, now: datetime) -> Verdict:
    """Hold until the window ends that the first of a batch opened; a full batch falls due at once.

    delay: the priority's window; nothing for none. most: how many one batch holds.
    """
    path = path_of(case.priority)
    if not delay:
        return Verdict(Reason(Stage.BATCH, f"{case.priority.value} is not collected", path))
    window = format_duration(delay)
    open_batch = memory.batch(case.target, case.priority, now)
    if most <= (open_batch.count if open_batch is not None else 0) + 1:
        text = f"the batch is full: {most} collected"
        return Verdict(Reason(Stage.BATCH, text, ("notifications", "settings", "batch_max")), Action.HOLD, now)
    if open_batch is None:
        return Verdict(Reason(Stage.BATCH, f"{case.priority.value} is collected for {window}", path), Action.HOLD, now + delay)
    text = f"{case.priority.value} is collected for {window}; number {open_batch.count + 1} of this batch"
    return Verdict(Reason(Stage.BATCH, text, path), Action.HOLD, open_batch.due)


def path_of(priority: Priority) -> tuple[str | int, ...]:
    """Where the window of a priority is configured."""
    return ("notifications", "settings", "priorities", priority.value, "delay_secs")
