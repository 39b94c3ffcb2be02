"""The specification's five event tables and the catalogue say the same."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from buildnet_cli.events.catalog import find
from buildnet_cli.events.priority import Priority

TABLES: dict[str, list[tuple[str, str, str]]] = yaml.safe_load(
    (Path(__file__).parents[1] / "data" / "spec_events.yaml").read_text("utf-8")
)
ROWS = [tuple(row) for table in TABLES.values() for row in table]


def test_the_specification_has_five_tables_with_26_events() -> None:
    assert [len(table) for table in TABLES.values()] == [6, 5, 4, 7, 4]
    assert len({name for name, _, _ in ROWS}) == 26


@pytest.mark.parametrize(("name", "description", "priority"), ROWS)
def test_every_event_of_the_specification_is_known_with_its_words_and_priority(
    name: str, description: str, priority: str
) -> None:
    known = find(name)
    assert known is not None
    assert known.priority is Priority(priority.lower())
    assert known.description == description
