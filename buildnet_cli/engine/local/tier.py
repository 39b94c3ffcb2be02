"""How much work a build needs. Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from buildnet_cli.engine.local.explain import Difference, difference
from buildnet_cli.engine.local.key import Parts
from buildnet_cli.engine.model import Tier

_MICRO_FILES = 3
_MICRO_PERCENT = 5


class Outputs(enum.Enum):
    """How the output folders stand against the record of the last success."""

    AS_RECORDED = "as recorded"
    CHANGED = "changed"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Success:
    """The last success of a package: its key, and the parts that made it."""

    key: str
    parts: Parts


@dataclass(frozen=True, slots=True)
class Choice:
    """A tier, and what differs from the last success; None if there was none, or if nothing had to be compared."""

    tier: Tier
    difference: Difference | None = None


def choose(now: Parts, key: str, last: Success | None, outputs: Outputs, *, has_artifacts: bool) -> Choice:
    """The least work that makes the outputs what they have to be. has_artifacts: of all output folders, under this key."""
    if last is not None and last.key == key and outputs is Outputs.AS_RECORDED:
        return Choice(Tier.INSTANT_SKIP)
    found = difference(last.parts, now) if last is not None else None
    if has_artifacts:
        return Choice(Tier.CACHE_RESTORE, found)
    if last is None or found is None or found.setup or outputs is Outputs.MISSING or last.key == key:
        return Choice(Tier.FULL_BUILD, found)
    is_little = found.files <= _MICRO_FILES and found.files * 100 <= _MICRO_PERCENT * len(now.inputs)
    return Choice(Tier.MICRO_INCREMENTAL if found.is_only_files and is_little else Tier.SMART_INCREMENTAL, found)
