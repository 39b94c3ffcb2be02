"""The JSON Schema and the samples say what the models take."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from buildnet_cli.config.document import read_document
from buildnet_cli.config.loader import load_text
from buildnet_cli.config.origin import KeyPath, Node, dotted
from buildnet_cli.config.problems import Page, Severity, as_text
from buildnet_cli.config.root import Config
from buildnet_cli.config.schema import DIALECT, json_schema, sample
from buildnet_cli.config.shape import Shape, secrets_in

GOOD = sorted((Path(__file__).parents[2] / "data" / "config" / "good").glob("*.yaml"))


def tree(text: str) -> Node:
    root = read_document(text, Page("f", text)).root
    assert root is not None
    return root


def lacking(shape: Shape, node: Node | None, path: KeyPath = ()) -> Iterator[str]:
    """The keys of a shape that a tree never writes, other spellings aside."""
    for key in shape.keys:
        below = shape.child(key)
        assert below is not None
        if below.description.startswith("Another way to write") or key == "thresholds":
            continue
        child = node.child(key) if node is not None else None
        if child is None:
            yield dotted((*path, key))
        elif isinstance(child.value, list) and child.value:
            entry = below.child(0)
            assert entry is not None
            yield from lacking(entry, child.value[0], (*path, key, 0))
        else:
            yield from lacking(below, child, (*path, key))


@pytest.mark.parametrize("full", [False, True], ids=["short", "full"])
def test_a_sample_loads_as_it_stands_with_nothing_set(full: bool) -> None:
    loaded = load_text(sample(full=full), "sample.yaml", lambda _: None, environ={})
    assert not any(problem.severity is Severity.ERROR for problem in loaded.problems)


def test_the_short_sample_gives_no_warning() -> None:
    loaded = load_text(sample(), "sample.yaml", lambda _: None, environ={})
    warnings = [problem for problem in loaded.problems if problem.severity is Severity.WARNING]
    assert not warnings, as_text(warnings)


def test_the_short_sample_loads_with_everything_switched_on() -> None:
    text = re.sub(r"enabled: false", "enabled: true", sample())
    load_text(text, "sample.yaml", lambda name: f"value-of-{name}", environ={})


def test_the_full_sample_holds_every_key_there_is_once() -> None:
    missing = set(lacking(Shape.of(Config), tree(sample(full=True))))
    # Written for the first priority and the same in the others.
    assert not {key for key in missing if not re.fullmatch(r"notifications\.settings\.priorities\.\w+\.\w+", key)}


def test_the_full_sample_explains_every_key_that_has_a_description() -> None:
    text = sample(full=True)
    lines = text.splitlines()
    shape = Shape.of(Config)
    for path, node in tree(text).walk():
        for key, place in node.keys.items():
            below = shape.at((*path, key))
            assert below is not None, dotted((*path, key))
            first_on_its_line = not lines[place.line - 1][: place.column - 1].strip(" -")
            if below.description and first_on_its_line:
                assert lines[place.line - 2].strip() == f"# {below.description}"


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_schema_knows_every_key_of_every_good_file(path: Path) -> None:
    shape = Shape.of(Config)
    for where, _ in tree(path.read_text(encoding="utf-8")).walk():
        assert shape.at(where) is not None, dotted(where)


def test_there_are_good_files() -> None:
    assert len(GOOD) >= 15


def test_the_schema_names_its_dialect_and_describes_every_top_level_key() -> None:
    schema = json_schema()
    assert schema["$schema"] == DIALECT
    assert schema["title"]
    for entry in schema["properties"].values():
        assert "description" in entry or "description" in schema["$defs"][entry["$ref"].removeprefix("#/$defs/")]
    assert schema["additionalProperties"] is False


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(schema.get("$ref"), str):
            yield schema["$ref"]
        for value in schema.values():
            yield from references(value)
    elif isinstance(schema, list):
        for entry in schema:
            yield from references(entry)


def test_every_reference_of_the_schema_leads_somewhere() -> None:
    schema = json_schema()
    assert {name.removeprefix("#/$defs/") for name in references(schema)} <= schema["$defs"].keys()


def test_the_schema_takes_a_variable_where_a_number_or_a_word_is_wanted() -> None:
    api = json_schema()["$defs"]["Api"]["properties"]
    (pattern,) = {option["pattern"] for option in api["port"]["anyOf"] if option["type"] == "string"}
    assert re.search(pattern, "${PORT}")
    assert not re.search(pattern, "9876")
    assert any(option["type"] == "integer" for option in api["port"]["anyOf"])
    assert any(option.get("type") == "boolean" for option in api["listen"]["anyOf"])


def test_the_shape_knows_which_values_are_secret() -> None:
    text = (
        "notifications:\n  channels:\n    slack: {bot_token: a, default_channel: b}\n"
        "    webhooks:\n      - {name: n, secret: c, auth: {token: d}, headers: {X-Key: e, Accept: text/html}}\n"
    )
    found = {dotted(path).rpartition("channels.")[2]: value for path, value in secrets_in(tree(text), Shape.of(Config))}
    assert found == {
        "slack.bot_token": "a",
        "webhooks[0].secret": "c",
        "webhooks[0].auth.token": "d",
        "webhooks[0].headers.X-Key": "e",
    }
