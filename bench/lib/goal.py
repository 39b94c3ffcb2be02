"""A goal, what was measured for it, and whether that is good enough."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Result:
    """One line of the table.

    ratio: the median over the runs of what the goal limits; lowest, highest: the other end of the same runs.
    gate: what the ratio must not exceed, or must reach if it is a floor; None if the ratio is only told.
    stretch: what we would like.
    reference, value: what was compared, in units of their own, for people.
    """

    goal: str
    what: str
    reference: str
    value: str
    ratio: float
    lowest: float
    highest: float
    gate: float | None
    stretch: float | None
    is_floor: bool = False

    @property
    def is_met(self) -> bool:
        if self.gate is None:
            return True
        return self.ratio >= self.gate if self.is_floor else self.ratio <= self.gate

    def as_row(self) -> list[str]:
        spread = f"{self.ratio:.3g} ({self.lowest:.3g}–{self.highest:.3g})"
        if self.gate is None:
            return [self.goal, self.what, self.reference, self.value, spread, "", "", "told"]
        gate = f"{'≥' if self.is_floor else '≤'}{self.gate:g}"
        return [
            self.goal,
            self.what,
            self.reference,
            self.value,
            spread,
            gate,
            f"{self.stretch:g}" if self.stretch is not None else "",
            "ok" if self.is_met else "FAILED",
        ]

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "is_met": self.is_met}


HEAD = ["goal", "quantity", "reference", "value", "ratio (min–max)", "gate", "stretch", ""]


def result(
    goal: str,
    what: str,
    ratios: Sequence[float],
    *,
    gate: float | None,
    stretch: float | None,
    reference: str,
    value: str,
    is_floor: bool = False,
) -> Result:
    """The result of some runs, each with its ratio. is_floor: the more, the better."""
    return Result(goal, what, reference, value, statistics.median(ratios), min(ratios), max(ratios), gate, stretch, is_floor)


def best(
    goal: str,
    what: str,
    pairs: Sequence[tuple[float, float]],
    *,
    gate: float | None,
    stretch: float | None,
    reference: str,
    value: str,
    is_floor: bool = False,
) -> Result:
    """The best of some runs against the best of the reference in the same runs: other people's work only ever slows down.

    pairs: ours and the reference's of each run. reference, value: formats for the best of each.
    """
    pick = max if is_floor else min
    ours, theirs = (pick(column) for column in zip(*pairs, strict=True))
    ratios = [mine / other for mine, other in pairs]
    shown = reference.format(theirs), value.format(ours)
    return Result(goal, what, *shown, ours / theirs, min(ratios), max(ratios), gate, stretch, is_floor)


class Skip(Exception):
    """A goal cannot be measured on this machine; the message says why."""
