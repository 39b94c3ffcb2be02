"""Compares what was accepted with what a provider took, and names what is wrong: lost, unexpected, repeated, reordered, late."""

from __future__ import annotations

import itertools
from bisect import bisect
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from tests.support.agent import Project
from tests.support.chance import seed
from tests.support.producer import TYPE, Producer


@dataclass(frozen=True)
class Findings:
    """What is wrong with what a provider took, by name; all empty if nothing is.

    unexpected: taken, and never handed in. renamed: one event under several delivery ids.
    duplicated: event ids that were taken more than once, with the number of extra copies: a fact, and wrong only beyond a bound.
    repeated: those of which one agent alone sent more than one copy.
    """

    lost: list[str]
    unexpected: list[str]
    duplicated: dict[str, int]
    repeated: list[str]
    reordered: list[tuple[str, str]]
    renamed: list[str]
    late: list[tuple[str, float]]

    @property
    def extra_copies(self) -> int:
        return sum(self.duplicated.values())

    def must_be_clean(self, *, most_extra: int = 0) -> None:
        """Raises AssertionError, naming everything that is wrong and the seed."""
        told = f"seed {seed()}"
        assert self.lost == [], f"lost ({told})"
        assert self.unexpected == [], f"unexpected ({told})"
        assert self.renamed == [], f"one event under several delivery ids ({told})"
        assert self.reordered == [], f"reordered ({told})"
        assert self.late == [], f"late ({told})"
        assert self.extra_copies <= most_extra, f"{self.duplicated} duplicated ({told})"
        assert self.repeated == [], f"sent twice by one agent ({told})"


def check(
    producer: Producer, taken: list[dict[str, Any]], *, latest_secs: float | None = None, starts: Sequence[datetime] = ()
) -> Findings:
    """Compare what was accepted with what the provider took.

    latest_secs: how long after the event the first copy may come; None to leave that open.
    starts: when each agent was started, in order; without them, copies are not told apart by who sent them.
    """
    entries = [entry for entry in taken if entry["body"]["type"] == TYPE]
    copies: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in entries:
        copies[entry["body"]["id"]].append(entry)
    first = {id_: of_one[0] for id_, of_one in copies.items()}
    lives = {id_: Counter(bisect(starts, _received_at(entry)) for entry in of_one) for id_, of_one in copies.items()}
    accepted = [id_ for ids in producer.accepted.values() for id_ in ids]
    return Findings(
        lost=[id_ for id_ in accepted if id_ not in first],
        unexpected=sorted(first.keys() - set(accepted) - producer.unclear),
        duplicated={id_: len(of_one) - 1 for id_, of_one in copies.items() if len(of_one) > 1},
        repeated=[id_ for id_, by_agent in lives.items() if starts and max(by_agent.values()) > 1],
        reordered=[pair for ids in producer.accepted.values() for pair in _reordered(ids, first)],
        renamed=[id_ for id_, of_one in copies.items() if len({entry["headers"]["webhook-id"] for entry in of_one}) > 1],
        late=[(id_, secs) for id_, entry in first.items() if latest_secs is not None and (secs := delay_of(entry)) > latest_secs],
    )


def delay_of(entry: dict[str, Any]) -> float:
    """Seconds from the event to the provider."""
    return (_received_at(entry) - datetime.fromisoformat(entry["body"]["timestamp"])).total_seconds()


def must_add_up(project: Project) -> None:
    """Accepted is the sum of all states, and the database is whole. Raises AssertionError, with the difference and the seed."""
    ((accepted,),) = project.rows("SELECT amount FROM ledger WHERE entry = 'accepted'")
    ((counted,),) = project.rows("SELECT count(*) FROM deliveries")
    assert accepted == counted, f"{accepted} were accepted, and {counted} are there (seed {seed()})"
    assert project.rows("PRAGMA integrity_check") == [("ok",)], f"the database is not whole (seed {seed()})"


def _reordered(ids: list[str], first: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    """Neighbours of one subject that arrived the wrong way round."""
    arrived = [(id_, first[id_]["number"]) for id_ in ids if id_ in first]
    return [(one, other) for (one, earlier), (other, later) in itertools.pairwise(arrived) if earlier > later]


def _received_at(entry: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(entry["received_at"])
