"""The catalogue is whole: every name once, every problem with an end, every type that behaviour adds."""

from __future__ import annotations

from collections import defaultdict

import pytest

from buildnet_cli.events import catalog
from buildnet_cli.events.catalog import CATALOG, CUSTOM_PREFIX, EventType, Turn, find, priority_of
from buildnet_cli.events.pattern import is_event_type
from buildnet_cli.events.priority import Priority

LOW, MEDIUM, HIGH, CRITICAL = Priority

FAMILIES: dict[str, list[EventType]] = defaultdict(list)
for _entry in CATALOG.values():
    if _entry.family:
        FAMILIES[_entry.family].append(_entry)


def test_no_type_is_listed_twice() -> None:
    assert len(catalog._TYPES) == len(CATALOG)


@pytest.mark.parametrize("entry", CATALOG.values(), ids=CATALOG)
def test_every_entry_is_well_formed(entry: EventType) -> None:
    assert is_event_type(entry.name)
    assert not entry.name.startswith(CUSTOM_PREFIX)
    assert entry.description[0].isupper()
    assert not entry.description.endswith(".")
    assert (entry.turn is None) is (entry.family == "")
    assert entry.turn is not None or not entry.has_state


@pytest.mark.parametrize("family", FAMILIES)
def test_every_family_has_a_beginning_and_an_end(family: str) -> None:
    assert {entry.turn for entry in FAMILIES[family]} == {Turn.OPENS, Turn.CLOSES}


@pytest.mark.parametrize("family", FAMILIES)
def test_no_end_is_worth_more_than_the_problem_it_ends(family: str) -> None:
    worst = max(entry.priority.rank for entry in FAMILIES[family] if entry.turn is Turn.OPENS)
    assert all(entry.priority.rank <= worst for entry in FAMILIES[family] if entry.turn is Turn.CLOSES)


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("build.failed", ["build.cached", "build.completed"]),
        ("resource.cpu.warning", ["resource.cpu.normal"]),
        ("resource.cpu.high", ["resource.cpu.normal"]),
        ("resource.memory.warning", ["resource.memory.normal"]),
        ("resource.memory.high", ["resource.memory.normal"]),
        ("resource.disk.warning", ["resource.disk.normal"]),
        ("resource.disk.low", ["resource.disk.normal"]),
        ("build.duration.critical", ["build.duration.normal"]),
        ("build.queue.warning", ["build.queue.normal"]),
        ("build.failure_rate.critical", ["build.failure_rate.normal"]),
        ("cluster.capacity.critical", ["cluster.capacity.normal"]),
        ("daemon.error", ["daemon.recovered"]),
        ("daemon.stopped", ["daemon.started"]),
        ("node.failed", ["node.joined", "node.recovered"]),
        ("node.left", ["node.joined", "node.recovered"]),
        ("plugin.failed", ["plugin.loaded"]),
        ("channel.failing", ["channel.recovered"]),
    ],
)
def test_a_problem_ends_with_its_recovery_and_with_nothing_else(opening: str, closing: list[str]) -> None:
    family = CATALOG[opening].family
    assert CATALOG[opening].turn is Turn.OPENS
    assert sorted(entry.name for entry in FAMILIES[family] if entry.turn is Turn.CLOSES) == closing


@pytest.mark.parametrize(
    ("name", "priority"),
    [
        ("resource.cpu.warning", MEDIUM),
        ("resource.memory.warning", MEDIUM),
        ("resource.disk.warning", MEDIUM),
        ("resource.disk.normal", LOW),
        ("cluster.capacity.warning", MEDIUM),
        ("cluster.capacity.critical", HIGH),
        ("cluster.capacity.normal", LOW),
    ],
)
def test_a_type_beyond_the_specification_has_its_priority(name: str, priority: Priority) -> None:
    assert priority_of(name, CRITICAL) is priority


@pytest.mark.parametrize(
    "name",
    [f"build.{what}.{state}" for what in ("duration", "queue", "failure_rate") for state in ("warning", "critical", "normal")]
    + [f"command.{state}" for state in ("executed", "denied", "failed", "rejected")]
    + ["confirmation.locked", "channel.failing", "channel.recovered", "report.ready"],
)
def test_a_type_beyond_the_specification_is_known(name: str) -> None:
    assert find(name) is not None


@pytest.mark.parametrize("name", ["custom.deploy.done", "build.failed.again", "nothing.known"])
def test_an_unknown_type_takes_the_default_priority(name: str) -> None:
    assert find(name) is None
    assert priority_of(name, HIGH) is HIGH


def test_state_families_are_those_of_monitors_nodes_the_daemon_and_channels() -> None:
    with_state = {entry.family.partition(".")[0] for entry in CATALOG.values() if entry.has_state}
    assert with_state == {"resource", "build", "cluster", "node", "daemon", "channel"}
    assert not any(CATALOG[name].has_state for name in ("build.failed", "build.completed", "plugin.failed"))
