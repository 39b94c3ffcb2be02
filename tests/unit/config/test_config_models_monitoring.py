"""Thresholds in all their spellings, and what is watched by default."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from buildnet_cli.config.monitoring import Cpu, Disk, Memory, Monitoring
from buildnet_cli.events.catalog import CATALOG, Turn
from tests.support.config_models import configured, refusal


def monitoring(**keys: Any) -> Monitoring:
    return configured("monitoring", keys).monitoring


@pytest.mark.parametrize(
    "written",
    [
        {"warning": 60, "critical": 80},
        {"warning_percent": 60, "critical_percent": 80},
        {"thresholds": {"warning": 60, "critical": 80}},
        {"thresholds": {"warning_percent": 60, "critical_percent": 80}},
        {"warning": 60, "thresholds": {"critical_percent": 80}},
        {"warning": 60, "warning_percent": 60, "critical": 80, "thresholds": {"critical": 80}},
    ],
)
@pytest.mark.parametrize("resource", ["cpu", "memory"])
def test_thresholds_may_be_flat_or_nested_and_spelled_either_way(resource: str, written: dict[str, Any]) -> None:
    (found,) = monitoring(resources={resource: written}).watched()
    assert isinstance(found, Cpu)
    assert (found.warning, found.critical) == (60, 80)


@pytest.mark.parametrize(
    "written",
    [
        {"warning": 60, "warning_percent": 61},
        {"critical": 80, "thresholds": {"critical": 81}},
        {"thresholds": {"warning": 1, "warning_percent": 2}},
    ],
)
def test_two_spellings_with_different_values_are_refused(written: dict[str, Any]) -> None:
    error = refusal("monitoring.resources.cpu", written)
    assert "two spellings of one setting" in error
    assert "keep one" in error


@pytest.mark.parametrize(
    ("written", "place"),
    [
        ({"warning_percent": 101}, "cpu.warning_percent: "),
        ({"thresholds": {"critical": 101}}, "cpu.thresholds.critical: "),
        ({"thresholds": {"warning": 50, "warn": 1}}, "cpu.thresholds.warn: "),
        ({"thresholds": [70]}, "cpu.thresholds: must be a mapping"),
    ],
)
def test_an_error_stands_where_the_value_was_written(written: dict[str, Any], place: str) -> None:
    assert place in refusal("monitoring.resources.cpu", written)


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("monitoring.resources.cpu", {"warning": 90, "critical": 90}),
        ("monitoring.resources.cpu", {"warning": 95}),
        ("monitoring.resources.memory", {"critical": 50}),
        ("monitoring.resources.memory", {"warning_mb": 7168, "critical_mb": 6144}),
        ("monitoring.resources.memory.thresholds", {"warning_mb": 7168, "critical_mb": 7168}),
        ("monitoring.resources.disk.paths", [{"path": "/", "warning": 95, "critical": 80}]),
        ("monitoring.builds.duration", {"warning_secs": 600, "critical_secs": 600}),
        ("monitoring.builds.queue", {"warning_size": 60}),
        ("monitoring.builds.failure_rate", {"warning_percent": 50}),
        ("monitoring.cluster.capacity", {"critical_percent": 80}),
    ],
)
def test_a_warning_level_must_lie_below_the_critical_one(path: str, written: Any) -> None:
    error = refusal(path, written)
    assert "warning" in error
    assert "critical" in error
    assert "must be below" in error


@pytest.mark.parametrize(
    ("path", "written"),
    [
        ("monitoring.resources.cpu", {"leave_warning": 70}),
        ("monitoring.resources.cpu", {"leave_critical": 95}),
        ("monitoring.resources.disk", {"leave_warning": 85}),
    ],
)
def test_a_level_is_left_below_where_it_is_entered(path: str, written: Any) -> None:
    assert "must be below" in refusal(path, written)


def test_the_levels_are_the_documented_ones() -> None:
    cpu, memory, disk = monitoring(resources={"cpu": {}, "memory": {}, "disk": {}}).watched()
    assert isinstance(cpu, Cpu)
    assert isinstance(memory, Memory)
    assert isinstance(disk, Disk)
    assert (cpu.warning, cpu.critical, cpu.for_samples) == (70, 90, 3)
    assert (memory.warning, memory.critical, memory.warning_mb) == (70, 90, None)
    assert [(path.path, path.warning, path.critical) for path in disk.paths] == [("/", 80, 95)]


def test_nothing_is_watched_without_its_section_or_while_it_is_off() -> None:
    assert monitoring().watched() == ()
    assert monitoring(resources={"cpu": {"enabled": False}}).watched() == ()
    assert monitoring(enabled=False, resources={"cpu": {}}).watched() == ()


@pytest.mark.parametrize(
    ("common", "own", "resource", "expected"),
    [(None, None, "cpu", 10), (None, None, "disk", 60), (20, None, "cpu", 20), (20, None, "disk", 20), (20, 5, "disk", 5)],
)
def test_the_nearest_interval_wins(common: int | None, own: int | None, resource: str, expected: int) -> None:
    section = monitoring(interval_secs=common, resources={resource: {"interval_secs": own}})
    (found,) = section.watched()
    assert section.interval_of(found) == timedelta(seconds=expected)


def test_events_are_the_built_in_ones_unless_named() -> None:
    section = monitoring(resources={"cpu": {}, "disk": {"events": {"on_critical": "custom.disk.full"}}})
    cpu, disk = section.watched()
    assert cpu.event_types == ("resource.cpu.warning", "resource.cpu.high", "resource.cpu.normal")
    assert all(name in CATALOG for name in cpu.event_types)
    assert disk.event_types == ("resource.disk.warning", "custom.disk.full", "resource.disk.normal")
    assert section.incident_pairing() == {"custom.disk.full": ("resource.disk", Turn.OPENS)}


@pytest.mark.parametrize("name", ["resource.*", "Disk Full", "", 3])
def test_the_name_of_an_event_is_a_type_and_no_pattern(name: Any) -> None:
    assert "events.on_warning: " in refusal("monitoring.resources.cpu.events", {"on_warning": name})


def test_the_end_of_a_problem_needs_an_event_of_its_own() -> None:
    events = {"on_critical": "custom.cpu", "on_recovery": "custom.cpu"}
    assert "on_recovery must differ" in refusal("monitoring.resources.cpu.events", events)
