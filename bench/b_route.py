"""G23: who hears of an event, with ten times as many recipients."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from lib.goal import Result, result

from buildnet_cli.events.catalog import CATALOG
from buildnet_cli.events.pattern import Pattern
from buildnet_cli.events.priority import Priority
from buildnet_cli.routing.decision import Target
from buildnet_cli.routing.match import Route, RoutingTable

PATTERNS = ("build.*", "*.failed", "resource.cpu.*", "custom.deploy.done", "cache.*", "daemon.*")
CALLS = 20_000


def measure(*, quick: bool) -> Iterator[Result]:
    """Matching 30 types, with 50 recipients and with 500, and against a bare look-up."""
    types = sorted(CATALOG)[:30]
    few, many = (_table(count) for count in (50, 500))
    bare = {(each, Priority.MEDIUM): () for each in types}
    for table in (few, many):
        for each in types:
            table.match(each, Priority.MEDIUM)
    rows = []
    for _ in range(5 if quick else 15):
        rows.append(
            tuple(
                _ns(call, types)
                for call in (
                    lambda each: few.match(each, Priority.MEDIUM),
                    lambda each: many.match(each, Priority.MEDIUM),
                    lambda each: bare.get((each, Priority.MEDIUM)),
                )
            )
        )
    shown = [sorted(column)[len(column) // 2] for column in zip(*rows, strict=True)]
    value = f"{shown[1]:.0f} ns"
    for name, nth, gate, stretch in (("50", 0, 1.5, 1.1), ("dict.get", 2, 10, 5)):
        ratios = [row[1] / row[nth] for row in rows]
        reference = f"{name}: {shown[nth]:.0f} ns"
        yield result("G23", "matching 500 recipients", ratios, gate=gate, stretch=stretch, reference=reference, value=value)


def _ns(call: Callable[[str], object], types: list[str]) -> float:
    begin = time.perf_counter_ns()
    for number in range(CALLS):
        call(types[number % len(types)])
    return (time.perf_counter_ns() - begin) / CALLS


def _table(count: int) -> RoutingTable:
    """So many recipients with one to four patterns each."""
    routes = [
        Route(
            Target("webhook", f"r{number}"),
            tuple(Pattern.parse(text) for text in PATTERNS[number % 3 : number % 3 + 1 + number % 4]),
        )
        for number in range(count)
    ]
    return RoutingTable(routes, dict.fromkeys(Priority, frozenset({"webhook"})))


MEASURES = [measure]
