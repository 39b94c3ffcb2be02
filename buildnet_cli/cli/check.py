"""One thing that `doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Check:
    """result: ok, note or failed. fix: what to type next; empty if there is nothing to do."""

    name: str
    result: str
    fact: str
    fix: str = ""
