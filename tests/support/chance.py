"""How long the fault tests go on, and chance that can be had again.

FAULTS=long makes them long; FAULT_SEED repeats the choices of an earlier run.
"""

from __future__ import annotations

import os
import random
import time
from collections.abc import Callable, Iterator

IS_LONG = os.environ.get("FAULTS") == "long"


Tell = Callable[[str], None]
"""Takes a sentence on what a test did, in numbers, for the end of the run."""


def seed() -> int:
    """The seed of this run."""
    return int(os.environ.setdefault("FAULT_SEED", str(random.SystemRandom().randrange(10**6))))


def new_random() -> random.Random:
    """Chance that can be had again."""
    return random.Random(seed())


def rounds(quick: int, long: int, *, quick_secs: float = float("inf")) -> Iterator[int]:
    """0, 1, 2 …: as many rounds as this run has time for. quick_secs: after which a quick run begins none."""
    deadline = time.monotonic() + (float("inf") if IS_LONG else quick_secs)
    for number in range(long if IS_LONG else quick):
        if time.monotonic() > deadline:
            return
        yield number
